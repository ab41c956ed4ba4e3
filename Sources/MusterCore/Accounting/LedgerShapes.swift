/// What a job held last: how many devices, of which type.
public struct LedgerShape: Hashable, Sendable {
  public var devices: Int32
  /// In `Ledger.types`: of several types the one that it held most of.
  public var type: Int32
}

extension Ledger {
  /// Of every job that has held devices, by its number; or of one alone.
  public func shapes(of one: Int64? = nil) -> [Int64: LedgerShape] {
    var found: [Int64: (shape: LedgerShape, most: Int32, span: LedgerSpan)] = [:]
    for span in spans where one == nil || span.job == one {
      let shape = LedgerShape(devices: span.devices, type: span.type)
      // Spans of one attempt's several types stand together.
      guard var known = found[span.job], known.span.from == span.from, known.span.to == span.to,
        known.span.account == span.account
      else {
        found[span.job] = (shape, span.devices, span)
        continue
      }
      known.shape.devices += span.devices
      if span.devices > known.most { (known.most, known.shape.type) = (span.devices, span.type) }
      found[span.job] = known
    }
    var shapes = found.mapValues(\.shape)
    if let one {
      if let shape = open[one]?.shape { shapes[one] = shape }
      return shapes
    }
    for (job, attempt) in open { if let shape = attempt.shape { shapes[job] = shape } }
    return shapes
  }
}

extension OpenAttempt {
  fileprivate var shape: LedgerShape? {
    held.max { $0.devices < $1.devices }.map { LedgerShape(devices: Int32(devices), type: $0.type) }
  }
}
