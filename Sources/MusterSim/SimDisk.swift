import MusterCore

/// The journal's contract: what was synced stays, what was not may be there, be torn or be gone.
struct SimDisk: Sendable {
  struct Batch: Sendable {
    var first: Int64
    var count: Int
    var bytes: [UInt8]
    var sum: UInt64

    init(first: Int64, count: Int, bytes: [UInt8]) {
      self.first = first
      self.count = count
      self.bytes = bytes
      sum = fingerprint(bytes)
    }

    var isWhole: Bool { fingerprint(bytes) == sum }
    var last: Int64 { first + Int64(count) - 1 }
  }
  struct Snapshot: Sendable {
    var sequence: Int64
    var bytes: [UInt8]
  }
  enum Loss: CaseIterable { case gone, torn, kept }

  private(set) var batches: [Batch] = []
  /// Written and not yet synced.
  private(set) var inFlight: Batch?
  var snapshot: Snapshot?
  var isFull = false
  var fullUntil: Int64 = 0
  var hasReserve = true

  mutating func write(_ batch: Batch) { inFlight = batch }

  mutating func sync() {
    if let batch = inFlight { batches.append(batch) }
    inFlight = nil
  }

  /// The process or the machine ends before the sync has answered.
  mutating func lose(_ loss: Loss, cut: Int) {
    guard var batch = inFlight else { return }
    inFlight = nil
    switch loss {
    case .gone: break
    case .kept: batches.append(batch)
    case .torn:
      batch.bytes.removeLast(min(batch.bytes.count, max(1, cut)))
      batches.append(batch)
    }
  }

  /// Takes off what a crash tore: it was never acknowledged.
  mutating func dropTorn() { batches.removeAll { !$0.isWhole } }
}
