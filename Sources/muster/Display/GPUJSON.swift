import MusterDevices
import MusterProtocol

/// What `muster gpu` answers programs. Fields and states are never changed once released.
enum GPUJSON {
  static func segments(_ timeline: DeviceTimeline) -> JSON {
    .array(
      timeline.segments.map { segment in
        .object(times(segment) + [member("evidence", .array(segment.evidence.map { .string($0) }))])
      })
  }

  static func mfu(_ timeline: DeviceTimeline, part: DevicePart) -> JSON {
    let segments = timeline.segments.map { segment -> JSON in
      let counted = CounterMFU(segment, part: part)
      return .object(
        times(segment) + [
          member("tensorActivity", number(counted.tensorActivity, decimals: 5)),
          member("smClockMHz", number(counted.smClockMHz, decimals: 1)),
          member("tflops", number(counted.tflops, decimals: 2)), member("mfu", number(counted.mfu, decimals: 5)),
          member("flags", .array(counted.flags.map { .string($0.rawValue) })),
        ])
    }
    return .object([
      member("device", .string(part.name)), member("peakTflops", number(part.peakTflops, decimals: 3)),
      member("precision", .string(part.precision.rawValue)),
      member("basis", CounterMFU.basis(part).map { .string($0) } ?? .null), member("segments", .array(segments)),
      member("note", .string(note)),
    ])
  }

  static let note =
    "mfu is a part of the dense peak, 0 to 1, of the means of each segment's steady part. Padding counts as work "
    + "(paddedTiles: an upper bound), recomputation too; the precision is not visible: fp8 makes twice the FLOPs "
    + "of twice the peak."

  private static func times(_ segment: DeviceSegment) -> [JSON.Member] {
    [
      member("fromSeconds", number(segment.fromSeconds, decimals: 3)),
      member("toSeconds", number(segment.toSeconds, decimals: 3)),
      member("state", .string(segment.reading.state.rawValue)),
    ]
  }

  private static func member(_ name: String, _ value: JSON) -> JSON.Member { JSON.Member(name: name, value: value) }

  private static func number(_ value: Double?, decimals: Int) -> JSON {
    guard let value else { return .null }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    return .double((value * scale).rounded() / scale)
  }
}
