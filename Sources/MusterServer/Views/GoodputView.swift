import MusterCore
import MusterInsight
import MusterProtocol

/// Goodput as a product: scheduling × runtime × program (Google's ML productivity goodput, arXiv 2502.06982).
///
/// - scheduling: GPU time that jobs held, over that of all nodes that had joined. Of a project there is none: no capacity
///   is its own.
/// - runtime: productive over held, from the ledger.
/// - program: model FLOPs over peak FLOPs, from counters, else as declared; a mean over the GPU-hours of the jobs of
///   which it is known.
struct GoodputFactors: Sendable {
  /// GPU-milliseconds; nil: there is no capacity to compare with.
  var capacity: Int64?
  var held: Int64
  var productive: Int64
  /// GPU-hours of jobs whose MFU is known, and the same times MFU.
  private var known = 0.0
  private var byMFU = 0.0

  init(_ row: LedgerRow, capacity: Int64?) {
    self.capacity = capacity
    held = row.held
    productive = row.totals[.productive]
  }

  mutating func add(_ basis: JobBasis) {
    guard let mfu = basis.evidence.counterMFU ?? basis.evidence.declaredMFU else { return }
    known += basis.evidence.gpuHoursHeld
    byMFU += basis.evidence.gpuHoursHeld * mfu
  }

  var scheduling: Double? { capacity.flatMap { $0 > 0 ? Double(held) / Double($0) : nil } }
  var runtime: Double? { held > 0 ? Double(productive) / Double(held) : nil }
  var program: Double? { known > 0 ? byMFU / known : nil }
  /// Of those that can be: of a project runtime × program. Nil where one of them is not known.
  var product: Double? {
    guard let runtime, let program else { return nil }
    return capacity == nil ? runtime * program : scheduling.map { $0 * runtime * program }
  }

  var members: [JSON.Member] {
    [
      .init(name: "scheduling", value: .rounded(scheduling)), .init(name: "runtime", value: .rounded(runtime)),
      .init(name: "program", value: .rounded(program)), .init(name: "product", value: .rounded(product)),
      .init(name: "programShare", value: .rounded(held > 0 ? known * 3_600_000 / Double(held) : nil)),
    ]
  }
}
