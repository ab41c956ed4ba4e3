/// What a job held last: how many devices, of which type.
public struct LedgerShape: Hashable, Sendable {
  public var devices: Int32
  /// In `Ledger.types`: of several types the one that it held most of.
  public var type: Int32
}

/// The shape of a job from its spans, in their order.
struct ShapeFold: Sendable {
  private(set) var shape: LedgerShape
  private var most: Int32
  private var span: LedgerSpan

  init(_ span: LedgerSpan) {
    shape = LedgerShape(devices: span.devices, type: span.type)
    (most, self.span) = (span.devices, span)
  }

  mutating func add(_ next: LedgerSpan) {
    // Spans of one attempt's several types stand together.
    guard span.from == next.from, span.to == next.to, span.account == next.account else {
      self = ShapeFold(next)
      return
    }
    shape.devices += next.devices
    if next.devices > most { (most, shape.type) = (next.devices, next.type) }
  }
}

extension Ledger {
  /// Of every job that has held devices, by its number; or of one alone.
  public func shapes(of one: Int64? = nil) -> [Int64: LedgerShape] {
    if let one {
      var found: ShapeFold?
      for span in spans where span.job == one {
        if found == nil { found = ShapeFold(span) } else { found?.add(span) }
      }
      let shape = open[one]?.shape ?? found?.shape ?? past.row(of: one)?.shape
      return shape.map { [one: $0] } ?? [:]
    }
    var found: [Int64: ShapeFold] = [:]
    for span in spans {
      if found[span.job]?.add(span) == nil { found[span.job] = ShapeFold(span) }
    }
    var shapes = found.mapValues(\.shape)
    for row in past.rows { shapes[row.job] = row.shape }
    for (job, attempt) in open { if let shape = attempt.shape { shapes[job] = shape } }
    return shapes
  }
}

extension OpenAttempt {
  fileprivate var shape: LedgerShape? {
    held.max { $0.devices < $1.devices }.map { LedgerShape(devices: Int32(devices), type: $0.type) }
  }
}
