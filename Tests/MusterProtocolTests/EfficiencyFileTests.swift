import Foundation
import MusterInsight
import MusterProtocol
import Testing

@Suite struct EfficiencyFileTests {
  private static func parse(_ yaml: String) throws -> Efficiency { try EfficiencyFile.parse(yaml: yaml).get() }

  @Test("what a file does not mention has its default")
  func defaults() throws {
    #expect(try Self.parse("") == Efficiency())
    #expect(try Self.parse("thresholds:\nprices: []\nidle:\n") == Efficiency())
  }

  @Test("a threshold has its unit, and its own source or the section's")
  func thresholds() throws {
    let found = try Self.parse(
      "thresholds:\n  source: we\n  shortRun: 15m\n  lowMemory: 12GB\n  hung: {value: 0.5, source: they}\n  lowUserHours: 1"
    )
    #expect(found.thresholds[.shortRun] == Setting(900, "we"))
    #expect(found.thresholds[.lowMemory] == Setting(12e9, "we"))
    #expect(found.thresholds[.hung] == Setting(0.5, "they"))
    #expect(found.thresholds[.lowUserHours] == Setting(1, "we"))
    #expect(found.thresholds[.redone] == Threshold.redone.standard)
  }

  @Test("idle jobs: warned, cancelled, and who is left alone")
  func idle() throws {
    let found = try Self.parse(
      "idle:\n  warnAfter: 60m\n  cancelAfter: 2h\n  exempt: {projects: [a, b], devicesAtLeast: 64}")
    #expect(found.idle.warnAfter == 3_600 && found.idle.cancelAfter == 7_200)
    #expect(found.idle.exemptProjects == ["a", "b"] && found.idle.exemptDevicesAtLeast == 64)
  }

  @Test("the sample holds, and has its prices")
  func sample() throws {
    let found = try Self.parse(
      String(contentsOf: Golden.root.appending(path: "deploy/efficiency.yaml"), encoding: .utf8))
    #expect(found.prices.quote(type: "NVIDIA H100 80GB HBM3", on: "2026-10-05")?.price == 3.99)
    #expect(found.prices.quote(type: "NVIDIA H200", on: "2026-10-05")?.price == 4.98)
    #expect(found.idle == IdleRules())
    let standard = Thresholds()
    for threshold in Threshold.allCases {
      #expect(found.thresholds[threshold].value == standard[threshold].value, "\(threshold)")
    }
  }

  private static let files: [String] = [
    "threshold: {}\nprices: {}\nidle: 60m",
    "thresholds: {inputStal: 0.2, starved: 1.5, hung: yes, shortRun: 10, lowMemory: 10, redone: \"0.1\", lowUserHours: -1}",
    "thresholds:\n  source: [a]\n  hung: {valu: 0.2}\n  redone: {value: 2, source: \"\"}",
    "prices:\n- {date: yesterday, currency: usd, source: x, gpuHour: {H100: free}}\n- {}",
    "prices:\n- {date: 2026-01-01, currency: USD, source: x, gpuHour: {}}\n"
      + "- {date: 2026-01-01, currency: USD, source: x, gpuHour: {H100: -1, \"a,b\": 1}, note: x}",
    "prices:\n- date: 2026-01-01\n  currency: USD\n  source: x\n  gpuHour:\n    H100: 1\n    h100: 3",
    "prices:\n- {date: 2026-01-01, currency: USD, source: x, gpuHour: {HBM3: 1, H100: 4}}",
    "idle: {cancelAfter: 1h}",
    "idle: {warnAfter: 2h, cancelAfter: 1h, exempt: {projects: [\"a b\"], devicesAtLeast: 0, users: [x]}}",
    "idle: {warnAfter: soon, cancelAfter: 0s}\nidle: {}",
    "prices: [\n", "thresholds: {}\n---\nidle: {}",
  ]

  @Test("all problems of a file are told together, each with its line, field, value and what would be right")
  func problems() throws {
    var actual = ""
    for file in Self.files {
      actual += file + "\n"
      switch EfficiencyFile.parse(yaml: file) {
      case .success: actual += "=> accepted\n\n"
      case .failure(let errors):
        actual += errors.problems.map { "=> " + $0.message(file: "efficiency.yaml") + "\n" }.joined() + "\n"
      }
    }
    try Golden.compare(actual, "efficiency-errors.txt")
  }
}

private enum Golden {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func compare(_ actual: String, _ name: String) throws {
    let file = root.appending(path: "Tests/MusterProtocolTests/Golden/\(name)")
    if ProcessInfo.processInfo.environment["MUSTER_REWRITE_GOLDEN"] == "1" {
      try actual.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try actual == String(contentsOf: file, encoding: .utf8))
  }
}
