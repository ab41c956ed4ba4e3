/// What a job held last: how many devices, of which type.
public struct LedgerShape: Hashable, Sendable {
  public var devices: Int32
  /// In `Ledger.types`: of several types the one that it held most of.
  public var type: Int32
  /// Each type with its devices, where it held several; else empty.
  public var parts: [TypeCount] = []

  /// Together with others that it held at the same time.
  mutating func add(_ more: Int32, of other: Int32) {
    if parts.isEmpty, other != type { parts = [TypeCount(type: type, devices: devices)] }
    devices += more
    guard !parts.isEmpty else { return }
    if let known = parts.firstIndex(where: { $0.type == other }) {
      parts[known].devices += more
    } else {
      parts.append(TypeCount(type: other, devices: more))
    }
    if let most = parts.max(by: { $0.devices < $1.devices }) { type = most.type }
  }
}

/// The shape of a job from its spans, in their order.
struct ShapeFold: Sendable {
  private(set) var shape: LedgerShape
  private var span: LedgerSpan

  init(_ span: LedgerSpan) {
    shape = LedgerShape(devices: span.devices, type: span.type)
    self.span = span
  }

  mutating func add(_ next: LedgerSpan) {
    // Spans of one attempt's several types stand together.
    guard span.from == next.from, span.to == next.to, span.account == next.account else {
      self = ShapeFold(next)
      return
    }
    shape.add(next.devices, of: next.type)
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
    guard let first = held.first else { return nil }
    var shape = LedgerShape(devices: first.devices, type: first.type)
    for part in held.dropFirst() { shape.add(part.devices, of: part.type) }
    return shape
  }
}
