import MusterCore
import MusterInsight
import MusterProtocol

/// Goodput as a product: scheduling × runtime × program (Google's ML productivity goodput, arXiv 2502.06982).
///
/// - scheduling: GPU time that jobs held, over that of all nodes that had joined. Of a project there is none: no capacity
///   is its own.
/// - runtime: productive over held, from the ledger.
/// - program: model FLOPs over peak FLOPs, from counters, else as declared; a mean over the GPU-hours of the jobs of
///   which it is known. A declared figure above 1 is none: what it rests on is wrong.
struct GoodputFactors: Sendable {
  /// Over the GPU-hours of the jobs of which it is known.
  private struct MeanMFU {
    private(set) var hours = 0.0
    private var weighted = 0.0

    mutating func add(_ mfu: Double?, _ hours: Double) {
      guard let mfu else { return }
      self.hours += hours
      weighted += hours * mfu
    }

    var value: Double? { hours > 0 ? weighted / hours : nil }
  }

  /// GPU-milliseconds; nil: there is no capacity to compare with.
  var capacity: Int64?
  var held: Int64
  var productive: Int64
  /// From counters, else as declared; and each of the two alone.
  private var known = MeanMFU()
  private var counted = MeanMFU()
  private var declared = MeanMFU()

  init(_ row: LedgerRow, capacity: Int64?) {
    self.capacity = capacity
    held = row.held
    productive = row.totals[.productive]
  }

  /// - Parameter hours: GPU-hours that the job held.
  mutating func add(_ mfu: JobMFU, hours: Double) {
    let possible = mfu.declared.flatMap { $0 <= 1 ? $0 : nil }
    known.add(mfu.counters ?? possible, hours)
    counted.add(mfu.counters, hours)
    declared.add(possible, hours)
  }

  var scheduling: Double? { capacity.flatMap { $0 > 0 ? Double(held) / Double($0) : nil } }
  var runtime: Double? { held > 0 ? Double(productive) / Double(held) : nil }
  var program: Double? { known.value }
  /// Of those that can be: of a project runtime × program. Nil where one of them is not known.
  var product: Double? {
    guard let runtime, let program else { return nil }
    return capacity == nil ? runtime * program : scheduling.map { $0 * runtime * program }
  }

  var members: [JSON.Member] {
    [
      .init(name: "scheduling", value: .rounded(scheduling)), .init(name: "runtime", value: .rounded(runtime)),
      .init(name: "program", value: .rounded(program)), .init(name: "product", value: .rounded(product)),
      .init(name: "programShare", value: .rounded(held > 0 ? known.hours * 3_600_000 / Double(held) : nil)),
      .init(name: "counterMFU", value: .rounded(counted.value)),
      .init(name: "declaredMFU", value: .rounded(declared.value)),
    ]
  }
}

/// What goodput is told from.
struct GoodputBasis: Sendable {
  var sums: LedgerSums
  var names: [String]
  var jobs: [MFUBasis]

  func json(by key: LedgerKey, project: String?, _ beside: BesideLedger) -> JSON {
    var whole = GoodputFactors(sums.fleet, capacity: project == nil ? sums.capacity : nil)
    var parts = sums.rows.map { GoodputFactors($0, capacity: nil) }
    var place = [Int?](repeating: nil, count: names.count)
    for i in sums.rows.indices where key == .project && sums.rows[i].key >= 0 { place[Int(sums.rows[i].key)] = i }
    for job in jobs {
      let (mfu, hours) = (beside.mfu(of: job), Double(job.held) / 3_600_000)
      whole.add(mfu, hours: hours)
      if let i = place[Int(job.project)] { parts[i].add(mfu, hours: hours) }
    }
    let rows = zip(sums.rows, parts).filter { $0.0.key >= 0 }.map { row, factors in
      let label =
        key == .day ? String(Instant.at(row.key * 86_400_000).rfc3339.prefix(10)) : names[Int(row.key)]
      return Self.json([.init(name: "key", value: .string(label))], row, factors)
    }
    return [
      "by": .string(key.rawValue), "project": JSON(project), "from": .moment(sums.from), "to": .moment(sums.to),
      "capacityGpuMilliseconds": project == nil ? .int(sums.capacity) : .null,
      "whole": Self.json([], sums.fleet, whole), "rows": .array(rows),
    ]
  }

  private static func json(_ first: [JSON.Member], _ row: LedgerRow, _ factors: GoodputFactors) -> JSON {
    .object(
      first + [
        .init(name: "heldGpuMilliseconds", value: .int(row.held)),
        .init(
          name: "gpuMilliseconds",
          value: .object(Account.allCases.map { .init(name: $0.name, value: .int(row.totals[$0])) })),
      ] + factors.members)
  }
}
