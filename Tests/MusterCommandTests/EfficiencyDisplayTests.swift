import Foundation
import MusterProtocol
import MusterTestKit
import Testing

@testable import muster

/// What people read of efficiency, in one file that a person reviews. `MUSTER_REWRITE_GOLDEN=1` rewrites it.
@Suite struct EfficiencyDisplayTests {
  private static let finding: JSON = [
    "kind": "inputStall", "severity": "warn", "sentence": "ranks wait 62 % of each step for data",
    "evidence": ["account inputStall: 50 of 80 GPU-hours", "ranks said so: STATUS=waiting for data"],
    "nextStep": "more loader workers", "gpuHours": 49.6, "gpuHoursAWeek": 833.28, "cost": 197.9, "costAWeek": 3324.79,
  ]
  private static let note: JSON = [
    "kind": "walltime", "severity": "note", "sentence": "5 % of the walltime was used",
    "evidence": ["asked for 8.3 d, ran 10 h\nto its end"], "nextStep": "ask for less", "gpuHours": 0,
    "gpuHoursAWeek": 0, "cost": nil, "costAWeek": nil,
  ]

  private static let job: JSON = [
    "id": 41, "name": "pre<train>", "project": "vision", "user": "ada", "gpuHoursHeld": 80, "gpuHoursWasted": 49.6,
    "gpuMilliseconds": ["productive": 108_000_000, "inputStall": 180_000_000, "free": 0],
    "mfu": [
      "counters": 0.361, "declared": 0.38, "basis": "tensor activity x 132 SMs",
      "declaredBasis": "FLOPs of the declared model, over <8> x 989.4 TFLOP/s", "disagreement": nil,
    ],
    "counters": [
      "source": "nvml-gpm", "gpuHours": 79.5, "states": ["idle": 0, "working": 0.38, "starved": 0.62],
      "darkShare": 0.001,
    ],
    "findings": [finding, note],
    "cost": [
      "price": ["gpuHour": 3.99, "currency": "USD", "date": "2026-10-05", "source": "a contract"],
      "noPriceReason": nil, "held": 319.2, "wasted": 197.9, "wastedAWeek": 3324.79,
    ],
    "idle": ["warnedAt": "2026-01-02T03:00:00.000Z", "message": "none of its 8 GPUs was used for 60 min"],
  ]

  private static let bare: JSON = [
    "id": 42, "name": "short", "gpuHoursHeld": 0.5, "gpuHoursWasted": 0, "findings": [],
    "mfu": [
      "counters": nil, "declared": nil, "basis": nil, "declaredBasis": nil,
      "note": "the device type \"H100\" may be one of two",
    ],
    "counters": nil, "cost": ["price": nil, "noPriceReason": "no price book"],
    "noFindingsReason": "too short a run to tell: less than 600 s",
  ]

  @Test("little GPU time has its own unit, and few GPU-hours two digits that matter")
  func little() {
    #expect(AccountsText.gpuTime(109_300) == "109.3 GPU-seconds" && AccountsText.gpuTime(0) == "0.00 GPU-hours")
    #expect(AccountsText.gpuTime(7_200_000) == "2.0 GPU-hours")
    #expect(EfficiencyText.hours(0.0304) == "0.030" && EfficiencyText.hours(0.00123) == "0.0012")
    #expect(EfficiencyText.hours(0.5) == "0.50" && EfficiencyText.hours(0) == "0" && EfficiencyText.hours(12) == "12.0")
    #expect(EfficiencyText.mfu(["declared": 27.06]) == "2706.0 % as declared, which is impossible")
  }

  private static func day(_ key: JSON, _ runtime: JSON) -> JSON { ["key": key, "runtime": runtime] }

  private static let period: JSON = [
    "project": nil, "from": "2026-01-01T00:00:00.000Z", "to": "2026-01-04T00:00:00.000Z",
    "goodput": [
      "whole": [
        "scheduling": 0.91, "runtime": 0.882, "program": 0.4, "programShare": 0.75, "product": 0.321,
        "heldGpuMilliseconds": 3_600_000_000,
        "counterMFU": 0.41, "declaredMFU": nil,
        "gpuMilliseconds": ["productive": 3_175_200_000, "redone": 424_800_000, "free": 0, "hung": 1_000],
      ],
      "rows": [
        ["key": "vision", "heldGpuMilliseconds": 1_200_000_000, "runtime": 0.7, "program": nil],
        ["key": "llm", "heldGpuMilliseconds": 2_400_000_000, "runtime": 0.97, "program": 0.4],
      ],
    ],
    "days": ["rows": [day("2026-01-01", 0.1), day("2026-01-02", nil), day("2026-01-03", 1)]],
    "waste": [
      "hasPrices": true,
      "all": ["gpuHoursHeld": 1000, "gpuHoursWasted": 118.25, "cost": ["amount": 471.82, "currency": "USD"]],
      "rows": [
        [
          "key": 41, "name": "pre<train>", "project": "vision", "user": "ada", "gpuHoursHeld": 80,
          "gpuHoursWasted": 49.6, "costAWeek": ["amount": 3324.79, "currency": "USD"], "findings": [finding, note],
        ]
      ],
    ],
  ]

  private static let settings: JSON = [
    "file": nil, "defaultsOf": "2026-11-30",
    "thresholds": [
      ["name": "shortRun", "valueSeconds": 600, "meaning": "shorter: no advice", "source": "a", "isDefault": true],
      ["name": "lowMemory", "valueBytes": 10_000_000_000, "meaning": "m", "source": "b", "isDefault": true],
      ["name": "lowUserHours", "valueGpuHours": 24, "meaning": "m", "source": "c", "isDefault": true],
      ["name": "hung", "value": 0.02, "meaning": "m", "source": "d", "isDefault": false],
    ],
    "prices": [
      ["date": "2026-10-05", "currency": "USD", "source": "list", "gpuHour": ["H100": 3.99, "B200": 6.69]]
    ],
    "idle": [
      "warnAfterSeconds": 3600, "cancelAfterSeconds": 7200,
      "exempt": ["projects": ["interactive"], "devicesAtLeast": 512],
    ],
  ]

  private var text: String {
    var project = Self.period.objectValue ?? []
    project[0].value = "vision"
    project[3].value = ["whole": ["runtime": 0.5], "rows": []]
    project[5].value = ["rows": []]
    var text = "# efficiency of a job\n" + EfficiencyText.job(Self.job, .plain)
    text += "\n# efficiency of a short job\n" + EfficiencyText.job(Self.bare, .plain)
    text += "\n# report of the fleet\n" + PeriodText.text(Self.period, .plain)
    text += "\n# report of a project with nothing to tell\n" + PeriodText.text(.object(project), .plain)
    text += "\n# report as CSV\n" + PeriodText.csv(Self.period)
    text += "\n# report of a job as CSV\n" + PeriodText.csv(job: Self.job)
    text += "\n# report of a job without findings as CSV\n" + PeriodText.csv(job: Self.bare)
    text += "\n# what holds\n" + EfficiencyText.settings(Self.settings, .plain)
    text += "\n# what holds without a file\n"
    return text + EfficiencyText.settings(["defaultsOf": "2026-11-30", "thresholds": [], "prices": []], .plain)
  }

  @Test("what people read is that of the golden file")
  func golden() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "Golden/efficiency.txt")
    if ProcessInfo.processInfo.environment["MUSTER_REWRITE_GOLDEN"] != nil {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOf: url, encoding: .utf8)))
  }

  @Test("pages are whole by themselves, and what comes from outside is text")
  func pages() {
    let report: JSON = ["id": 41, "name": "pre<train>", "state": "completed", "goodput": 0.9, "faults": []]
    for page in [ReportPage.job(report, Self.job).html, ReportPage.period(Self.period).html] {
      #expect(page.hasPrefix("<!doctype html>") && page.hasSuffix("</html>\n"))
      #expect(page.contains("prefers-color-scheme:dark") && page.contains("<svg"))
      #expect(
        !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("src="))
      #expect(!page.contains("<train>") && page.contains("pre&lt;train&gt;"))
      #expect(page.contains("ranks wait 62 % of each step for data") && page.contains("Next: more loader workers"))
    }
    #expect(ReportPage.job(report, .null).html.contains("goodput 90.0 %"))
    #expect(ReportPage.period(Self.period).html.contains("MFU 41.0 % from counters."))
  }

  @Test("a job's page has both figures of MFU with what they rest on, and what its devices did as curves")
  func curves() throws {
    func point(_ minute: Int, busy: JSON, power: JSON = 500) -> JSON {
      let digits = minute < 10 ? "0\(minute)" : "\(minute)"
      return [
        "at": .string("2026-01-02T03:\(digits):00.000Z"), "lengthSeconds": 60, "busy": busy, "tensor": 0.25,
        "dram": nil,
        "mfu": 0.5, "power": power,
      ]
    }
    let devices: JSON = [
      "source": "nvml-gpm",
      // A minute that nothing is known of, and a pause of half an hour.
      "series": [point(0, busy: 1), point(1, busy: 0.5), point(2, busy: nil), point(40, busy: 0, power: 250)],
    ]
    let page = ReportPage.job(["id": 41], Self.job, devices: devices).html
    for text in [
      "<td>36.1 %</td><td>tensor activity x 132 SMs</td>", "<td>38.0 %</td>", "over &lt;8&gt; x 989.4 TFLOP/s",
      "from nvml-gpm", ">500 W</text>", "class=\"key tensor\"",
    ] { #expect(page.contains(text), "\(text)") }
    #expect(!page.contains("class=\"key dram\""), "nothing is known of it")
    // 41 minutes wide; two points, then nothing, then one alone.
    let line = try #require(page.firstMatch(of: /class="line busy" d="([^"]*)"/)?.output.1)
    #expect(line.count { $0 == "M" } == 2 && line.count { $0 == "L" } == 1 && line.hasSuffix("H948.83"))
    #expect(line.contains(" 0H") && line.contains(" 100") && line.contains(" 200H"))
    #expect(
      !ReportPage.job(["id": 41], Self.job, devices: ["series": [point(0, busy: 1)]]).html.contains("class=\"line"))
  }

  @Test("a spark has eight heights, and a dot where there is nothing")
  func sparkline() {
    #expect(PeriodText.sparkline([0, 0.13, 0.5, 0.99, 1, nil]) == "▁▂▅██·")
  }

  @Test("money is grouped by thousands")
  func money() {
    #expect(EfficiencyText.money(1_234_567.8, "USD") == "USD 1,234,568")
    #expect(EfficiencyText.money(999.9, "EUR") == "EUR 1,000" && EfficiencyText.money(3.994, "EUR") == "EUR 3.99")
    #expect(EfficiencyText.money(nil, "USD") == nil)
  }

  @Test(
    "what a report is of is said once",
    arguments: [
      [], ["1", "--week"], ["1", "--from", "now-1d"], ["--week", "--csv", "--json"], ["--week", "--from", "x"],
    ])
  func usage(arguments: [String]) throws {
    #expect(try Program.run(["report"] + arguments).status == 2)
  }

  @Test("a server is not started with an efficiency file that is wrong; all that is wrong is told")
  func wrongFile() throws {
    let folder = try TestFolder()
    let path = folder.path + "/efficiency.yaml"
    try "thresholds: {hung: 2}\nidle: {warnAfter: 5}\n".write(toFile: path, atomically: true, encoding: .utf8)
    let result = try Program.run([
      "server", "--listen", "127.0.0.1:0", "--data", folder.path + "/data", "--efficiency", path,
    ])
    #expect(result.status == 2 && result.out.isEmpty)
    #expect(result.error.contains("efficiency.yaml:1: thresholds.hung: 2 (allowed: a share from 0 to 1"))
    #expect(result.error.contains("efficiency.yaml:2: idle.warnAfter: 5 (allowed: a number with its unit"))
    let missing = try Program.run(["server", "--listen", "127.0.0.1:0", "--efficiency", folder.path + "/none"])
    #expect(missing.status == 2 && missing.error.contains("cannot be read"))
  }
}
