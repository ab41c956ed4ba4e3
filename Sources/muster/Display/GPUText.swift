import MusterDevices

/// A device's time for people: a strip of states, then a row for each stretch.
enum GPUText {
  static let stripCells = 80

  static func timeline(_ timeline: DeviceTimeline, _ style: Style) -> String {
    guard !timeline.segments.isEmpty else { return nothing }
    var table = Table([.init("FROM", .right), .init("LENGTH", .right), .init("STATE"), .init("EVIDENCE")])
    for segment in timeline.segments {
      let state = segment.reading.state
      table.rows.append(times(segment) + [.init(state.rawValue, tone(state)), .init(segment.evidence.first ?? "")])
    }
    return strip(timeline, style) + "\n" + table.text(style)
  }

  static func mfu(_ timeline: DeviceTimeline, part: DevicePart, _ style: Style) -> String {
    guard !timeline.segments.isEmpty else { return nothing }
    var table = Table([
      .init("FROM", .right), .init("LENGTH", .right), .init("STATE"), .init("TENSOR", .right), .init("MHZ", .right),
      .init("TFLOP/S", .right), .init("MFU", .right), .init("FLAGS"),
    ])
    for segment in timeline.segments {
      let state = segment.reading.state
      let counted = CounterMFU(segment, part: part)
      table.rows.append(
        times(segment) + [
          .init(state.rawValue, tone(state)), .init(counted.tensorActivity.map(Numbers.percent) ?? "-"),
          .init(counted.smClockMHz.map { Numbers.fixed($0, decimals: 0) } ?? "-"),
          .init(counted.tflops.map { Numbers.fixed($0, decimals: 1) } ?? "-"),
          .init(counted.mfu.map(Numbers.percent) ?? "-", .strong),
          .init(counted.flags.map(\.rawValue).joined(separator: ", "), .warning),
        ])
    }
    let basis = CounterMFU.basis(part).map { "\(part.name): \($0).\n" } ?? ""
    return strip(timeline, style) + "\n" + table.text(style) + "\n" + style.paint(basis + GPUJSON.note, .faint) + "\n"
  }

  private static let nothing = "No samples.\n"

  private static func times(_ segment: DeviceSegment) -> [Table.Cell] {
    [
      .init(Numbers.fixed(segment.fromSeconds, decimals: 1)),
      .init(Numbers.fixed(segment.toSeconds - segment.fromSeconds, decimals: 1) + " s"),
    ]
  }

  // MARK: The strip

  /// A cell is a part of the time, drawn as the state that has most of it; then what each sign means.
  private static func strip(_ timeline: DeviceTimeline, _ style: Style) -> String {
    guard let from = timeline.segments.first?.fromSeconds, let to = timeline.segments.last?.toSeconds else { return "" }
    let cell = (to - from) / Double(stripCells)
    var line = ""
    for i in 0..<stripCells {
      let (start, end) = (from + Double(i) * cell, from + Double(i + 1) * cell)
      let most = timeline.segments.max { overlap($0, start, end) < overlap($1, start, end) }
      let state = most?.reading.state ?? .unknown
      line += style.paint(sign(state), tone(state))
    }
    let seen = DeviceState.allCases.filter { state in timeline.segments.contains { $0.reading.state == state } }
    let legend = seen.map { "\(style.paint(sign($0), tone($0))) \($0.rawValue)" }.joined(separator: "  ")
    return line + "\n" + legend + "\n"
  }

  private static func overlap(_ segment: DeviceSegment, _ start: Double, _ end: Double) -> Double {
    min(segment.toSeconds, end) - max(segment.fromSeconds, start)
  }

  static func sign(_ state: DeviceState) -> String {
    switch state {
    case .idle: "─"
    case .starting: "░"
    case .working: "█"
    case .starved: "▒"
    case .memoryBound: "▓"
    case .launchBound: "┆"
    case .hung: "╳"
    case .unknown: "?"
    }
  }

  static func tone(_ state: DeviceState) -> Style.Tone? {
    switch state {
    case .idle: .faint
    case .starting: .busy
    case .working: .good
    case .starved, .launchBound: .warning
    case .memoryBound: .strong
    case .hung: .bad
    case .unknown: nil
    }
  }
}
