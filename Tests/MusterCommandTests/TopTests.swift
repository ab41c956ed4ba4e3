import MusterProtocol
import Testing

@testable import muster

@Suite struct TopTests {
  private static let frame: JSON = [
    "at": "2026-01-02T03:04:05Z", "nodes": ["ready": 1_198, "suspect": 0, "isolated": 2],
    "devices": ["free": 900, "busy": 8_400, "held": 84, "maintenance": 200, "outOfService": 16],
    "jobs": ["pending": 12, "starting": 1, "running": 3, "stopping": 0], "pendingDevices": 12_000,
    "from": "2026-01-02T02:49:00Z", "to": "2026-01-02T03:04:05Z", "goodput": 0.875,
    "gpuMilliseconds": ["productive": 7_000_000, "redone": 1_000_000, "free": 2_000_000],
    "top": [
      [
        "id": 7, "name": "pre", "project": "llm", "user": "ada", "state": "running", "devices": 8_192, "attempt": 2,
        "step": 1_200, "loss": 1.5, "startedAt": "2026-01-02T01:04:05Z", "goodput": 0.875,
        "lostGpuMilliseconds": 1_000_000, "gpuMilliseconds": ["productive": 7_000_000, "redone": 1_000_000],
        "busy": 0.93, "mfu": ["counters": 0.361, "declared": 0.38],
      ],
      ["id": 8, "name": "new", "state": "starting", "devices": 8, "attempt": 1, "goodput": nil],
    ],
  ]

  @Test("a frame says what is used, where the last minutes went, and who lost what to what")
  func frame() {
    let lines = TopText.frame(Self.frame, history: [], size: nil, scrolled: 0, .plain)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines[0] == "muster top  2026-01-02T03:04:05Z  1,200 nodes  2 isolated")
    #expect(
      lines[1] == "GPUs    " + String(repeating: "█", count: 33) + "▓" + "░░░░" + "·" + "x"
        + "  8,400 of 9,600 in use, 84 held for a gang, 900 free, 200 in maintenance, 16 out of service")
    #expect(lines[2] == "Jobs    3 running, 1 starting, 12 pending for 12,000 GPUs")
    #expect(
      lines[3] == "Last    " + String(repeating: "█", count: 28) + "▒▒▒▒" + "░░░░░░░░"
        + "  15 min 5 s: productive 70.0 %, free 20.0 %, redone 10.0 %; goodput 87.5 %")
    #expect(
      lines[6].hasPrefix(
        "    7  pre   llm      ada   running   8,192  2:00:00        2  1200  1.500  93.0 %  36.1 %    38.0 %   87.5 %")
    )
    #expect(lines[6].hasSuffix("0.28  redone"))
    #expect(lines[7].hasSuffix("-       -         -        -           -  -"))
  }

  @Test("a declared MFU that cannot be is shown as it is")
  func impossible() {
    let frame: JSON = ["top": [["id": 7, "state": "running", "mfu": ["counters": 1, "declared": 27.06]]]]
    let text = TopText.frame(frame, history: [], size: nil, scrolled: 0, .plain)
    #expect(text.contains("100.0 %") && text.contains("2706.0 %"))
  }

  @Test("the finding that costs most is a line of its own, with its job and what it costs")
  func worst() {
    var frame = Self.frame.objectValue ?? []
    frame.append(
      .init(
        name: "worstWaste",
        value: [
          "job": 7, "name": "pre\ntrain", "project": "llm", "user": "ada", "severity": "warn",
          "sentence": "ranks wait 62 % of each step for data", "gpuHours": 49.6, "gpuHoursHeld": 80, "currency": "USD",
          "costAWeek": 33_248,
        ]))
    let lines = TopText.frame(.object(frame), history: [], size: nil, scrolled: 0, .plain).split(separator: "\n")
    #expect(
      lines[4]
        == "Waste   job 7 pre train (llm, ada): ranks wait 62 % of each step for data; 49.6 of its 80.0 GPU-hours of "
        + "the last hour, USD 33,248 in a week like this")
  }

  @Test("an empty fleet, and a frame of a shape that is not known, are shown and no crash")
  func empty() {
    #expect(TopText.frame([:], history: [], size: nil, scrolled: 0, .plain).contains("no node with devices"))
    #expect(TopText.frame([:], history: [], size: nil, scrolled: 9, .plain).hasSuffix("No job runs.\n"))
  }

  @Test("a live frame is as high as the terminal, goes on where it was moved to, and draws what was seen")
  func live() {
    let seen = [0.0, 0.5, 1].map { share -> TopText.Seen in
      var seen = TopText.Seen(Self.frame)
      seen.goodput = share
      return seen
    }
    let size = Screen.Size(columns: 80, rows: 7)
    let text = TopText.frame(Self.frame, history: seen, size: size, scrolled: 1, .plain)
    #expect(text.contains("  ▁▅█\n"))
    #expect(!text.contains("pre "))
    #expect(text.contains("new"))
  }

  @Test("lines are cut at the terminal's edge, colours and all")
  func clipping() {
    #expect(Screen.clipped("abcdef", to: 4) == "abcd")
    #expect(Screen.clipped("\u{1b}[32mabcdef\u{1b}[0mgh", to: 7) == "\u{1b}[32mabcdef\u{1b}[0mg\u{1b}[0m")
    #expect(Screen.clipped("█░", to: 9) == "█░")
  }

  @Test("keys: letters, arrows in both of their forms, and nothing of what is not known")
  func keys() {
    #expect(Screen.keys(Array("q".utf8)) == [.letter("q")])
    #expect(Screen.keys(Array("\u{1b}[A\u{1b}OBj".utf8)) == [.up, .down, .letter("j")])
    #expect(Screen.keys([0x1b, 0x09, 0xff]) == [])
  }
}
