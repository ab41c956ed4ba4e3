/// Whether and how text is coloured. Colour is only ever an addition: nothing is said by colour alone.
struct Style: Hashable, Sendable {
  enum Tone: String, Sendable {
    case good = "32"
    case busy = "36"
    case warning = "33"
    case bad = "31"
    case faint = "2"
    case strong = "1"
  }

  var isColoured: Bool

  static let plain = Style(isColoured: false)

  func paint(_ text: String, _ tone: Tone?) -> String {
    guard isColoured, let tone, !text.isEmpty else { return text }
    return "\u{1b}[\(tone.rawValue)m\(text)\u{1b}[0m"
  }

  /// The states of jobs and nodes; one that a newer controller has added stays plain.
  static func tone(state: String) -> Tone? {
    switch state {
    case "running", "ready": .good
    case "starting", "stopping", "joining", "verifying": .busy
    case "pending", "suspect", "draining", "drained", "cancelled", "timedOut": .warning
    case "failed", "isolated": .bad
    case "completed": .faint
    default: nil
    }
  }

  /// The kinds of events; most are plain.
  static func tone(event kind: String) -> Tone? {
    switch kind {
    case "faultFound", "nodeSuspected", "nodeIsolated": .bad
    case "attemptEnding", "attemptEnded", "attemptWarned", "attemptPreempted", "silenceWithheld", "nodeDrainRequested":
      .warning
    case "attemptStarted", "gangStarted", "nodeJoined", "nodeReturned", "nodeCleared", "nodeResumed": .good
    case "jobEnded": .strong
    default: nil
    }
  }
}
