import MusterClient
import MusterProtocol

/// `muster top` while it runs: frames, keys, and what was seen before.
struct TopSession {
  private let client: Client
  private let milliseconds: Int32
  private var order: TopOrder
  private var minutes: Int
  private let project: String?
  private var scrolled = 0
  private var history: [TopText.Seen] = []
  private var frame: JSON?
  private var problem = ""

  /// Stretches that `m` goes through.
  private static let stretches = [15, 60, 1_440]
  private static let remembered = 120

  init(client: Client, order: TopOrder, minutes: Int, project: String?, seconds: Double) {
    self.client = client
    self.order = order
    self.minutes = minutes
    self.project = project
    milliseconds = Int32(seconds * 1000)
  }

  mutating func run() throws {
    // The first frame before the screen changes: what is wrong at once is said as every command says it.
    try look()
    guard let interrupt = Interrupt() else { return }
    let screen = Screen()
    while true {
      draw(on: screen)
      let keys = screen.keys(beside: interrupt.descriptor, milliseconds: milliseconds)
      for key in keys where !pressed(key) { return }
      do { try look() } catch { problem = "\(error)" }
    }
  }

  private mutating func look() throws {
    let frame = try client.get(TopCommand.path(order: order, minutes: minutes, limit: 500, project: project))
    history = (history + [TopText.Seen(frame)]).suffix(Self.remembered)
    problem = ""
    self.frame = frame
  }

  private func draw(on screen: borrowing Screen) {
    guard let frame else { return }
    let size = screen.size
    let style = Terminal.outStyle
    var lines = TopText.frame(frame, history: history, size: size, scrolled: scrolled, style)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    if !problem.isEmpty {
      lines = ["The controller does not answer; this is from \(frame.shown("at")). \(problem)"] + lines
      lines[0] = style.paint(Table.oneLine(lines[0]), .bad)
    }
    screen.draw(lines)
  }

  /// - Returns: false to end.
  private mutating func pressed(_ key: Screen.Key) -> Bool {
    switch key {
    case .end, .letter("q"), .letter("Q"): return false
    case .letter("g"): order = .gpus
    case .letter("l"), .letter("w"): order = .lost
    case .letter("t"): order = .time
    case .letter("m"):
      let next = Self.stretches.firstIndex { $0 > minutes } ?? 0
      minutes = Self.stretches[next]
    case .up, .letter("k"): scrolled = max(0, scrolled - 1)
    case .down, .letter("j"): scrolled = min(scrolled + 1, max(0, (frame?["top"]?.arrayValue?.count ?? 1) - 1))
    case .letter: break
    }
    return true
  }
}
