import MusterCore
import MusterProtocol

/// Accounts as clients read them: GPU-milliseconds, integers. What the ledger must be asked for is taken at once; the answer
/// is made elsewhere.
struct AccountsView: Sendable {
  private let sums: LedgerSums
  private let key: LedgerKey
  /// Of the page, each with what it is of.
  private let rows: [Row]
  private let next: Int64?
  private let restatements: [Restatement]

  private struct Row: Sendable {
    var label: [JSON.Member]
    var row: LedgerRow
  }

  /// - Parameters:
  ///   - after: rows with a greater key, at most so many.
  init(
    _ sums: consuming LedgerSums, key: LedgerKey, after: Int64, limit: Int, _ ledger: borrowing Ledger,
    _ cluster: borrowing Cluster
  ) {
    let left = sums.rows.drop { $0.key <= after }
    let shown = left.prefix(limit)
    var rows: [Row] = []
    rows.reserveCapacity(shown.count)
    for row in shown { rows.append(Row(label: Self.label(row, key, ledger, cluster), row: row)) }
    self.rows = rows
    next = left.count > shown.count ? shown.last?.key : nil
    let (from, to) = (sums.from, sums.to)
    // Of work that lies in this stretch, whenever it was restated.
    restatements = ledger.restatements.filter { $0.from < to && $0.to > from }.suffix(API.restatementRows)
    sums.rows = []
    self.sums = sums
    self.key = key
  }

  var json: JSON {
    [
      "by": .string(key.rawValue), "from": .moment(sums.from), "to": .moment(sums.to), "asOf": .moment(sums.asOf),
      "capacityGpuMilliseconds": .int(sums.capacity), "accountedGpuMilliseconds": .int(sums.fleet.totals.sum),
      "fleet": .object(Self.members(sums.fleet)),
      "rows": .array(rows.map { .object($0.label + Self.members($0.row)) }), "next": next.map { .int($0) } ?? .null,
      "restatements": .array(restatements.map(Self.json)),
    ]
  }

  private static func label(
    _ row: LedgerRow, _ key: LedgerKey, _ ledger: borrowing Ledger, _ cluster: borrowing Cluster
  ) -> [JSON.Member] {
    guard row.key >= 0 else { return [.init(name: "key", value: .null)] }
    switch key {
    case .job where row.key == LedgerRow.olderJobs:
      return [.init(name: "key", value: .int(row.key)), .init(name: "name", value: .string("older jobs"))]
    case .job:
      var members = [JSON.Member(name: "key", value: .int(row.key))]
      if let slot = cluster.slot(of: JobID(row.key)) {
        members.append(.init(name: "name", value: .string(cluster.spec(slot).name)))
        members.append(.init(name: "state", value: .string("\(cluster.job(slot).state)")))
      }
      let job = ledger.jobs[Int(row.key) - 1]
      members.append(.init(name: "project", value: .string(ledger.names[Int(job.project)])))
      members.append(.init(name: "user", value: .string(ledger.names[Int(job.user)])))
      return members
    case .project, .user: return [.init(name: "key", value: .string(ledger.names[Int(row.key)]))]
    case .type: return [.init(name: "key", value: .string(ledger.types[Int(row.key)]))]
    case .day:
      return [.init(name: "key", value: .string(String(Instant.at(row.key * 86_400_000).rfc3339.prefix(10))))]
    }
  }

  private static func members(_ row: LedgerRow) -> [JSON.Member] {
    [
      .init(
        name: "gpuMilliseconds",
        value: .object(Account.allCases.map { .init(name: $0.name, value: .int(row.totals[$0])) })),
      .init(name: "provisionalGpuMilliseconds", value: .int(row.provisional)),
      .init(name: "goodput", value: row.goodput.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null),
    ]
  }

  private static func json(_ restated: Restatement) -> JSON {
    [
      "at": .moment(restated.at), "job": .int(restated.job), "attempt": JSON(restated.attempt),
      "from": .string(restated.was.name), "to": .string(restated.account.name),
      "workFrom": .moment(restated.from), "workTo": .moment(restated.to),
      "gpuMilliseconds": .int(restated.gpuMilliseconds),
    ]
  }
}

extension Instant {
  static func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
}

extension JSON {
  static func moment(_ milliseconds: Int64) -> JSON { .string(Instant.at(milliseconds).rfc3339) }
}
