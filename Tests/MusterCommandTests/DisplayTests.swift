import Foundation
import MusterProtocol
import Testing

@testable import muster

/// What people read, in one file that a person reviews. `MUSTER_REWRITE_GOLDEN=1` rewrites it.
@Suite struct DisplayGoldenTests {
  /// 2026-01-02T03:04:05Z.
  private static let now = 1_767_323_045.0

  private static let jobs: JSON = [
    [
      "id": 1, "name": "train", "project": "default", "user": "ada", "state": "running", "attempt": 2, "nodeCount": 4,
      "worldSize": 8, "nodes": ["node-1", "node-2", "node-3", "node-5"], "step": 1200, "loss": 1.23456,
      "checkpointStep": 1100, "resumeStep": 901, "submittedAt": "2026-01-02T01:00:00Z",
      "startedAt": "2026-01-02T02:00:00.5Z", "endedAt": nil, "reason": nil, "exitCode": nil, "priority": 5,
      "spec": ["roles": ["main": ["command": ["python3", "train.py"]]]],
      "ranks": [
        ["role": "main", "rank": 0, "node": "node-1", "pid": 4711, "state": "running", "step": 1200],
        ["role": "main", "rank": 1, "node": "node-2", "pid": 4712, "state": "exited", "signal": 9, "step": 1199],
      ],
    ],
    [
      "id": 12, "name": "a-name-that-is-longer-than-the-column", "project": "p", "user": "grace", "state": "pending",
      "attempt": 0, "nodeCount": 64, "nodes": [], "reason": "waits for 60 nodes", "step": nil,
    ],
    [
      "id": 123, "name": "old", "project": "p", "user": "grace", "state": "failed", "attempt": 4, "nodeCount": 1,
      "nodes": ["gpu01"], "reason": "rank 0 exited\nwith 1", "startedAt": "2025-12-31T00:00:00Z",
      "endedAt": "2026-01-01T02:03:04Z", "exitCode": 1,
    ],
  ]

  private static let nodes: JSON = [
    [
      "name": "node-1", "state": "ready", "devices": 8, "free": 6, "deviceType": "H100", "jobs": [1, 2],
      "since": "2026-01-01T00:00:00Z", "reason": nil, "cpus": 96, "memoryBytes": 1_099_511_627_776,
      "address": "10.0.0.1", "pid": 99, "labels": ["ib": "hdr", "rack": "r17"],
    ],
    ["name": "node-10", "state": "isolated", "devices": 8, "free": 0, "jobs": [], "reason": "silent for 1.5 s"],
  ]

  private static let report: JSON = [
    "id": 1, "name": "train", "state": "completed", "wallSeconds": 130.25, "productiveSeconds": 117.2,
    "goodput": 0.91563, "attempts": 2, "stepsLost": 40, "heldSeconds": 128.0,
    "meanTimeBetweenFailuresSeconds": 128.75, "meanTimeToResumeSeconds": 4.25,
    "checkpoints": [
      "count": 12, "intervalSeconds": 9.5, "costSeconds": 0.5, "suggestedIntervalSeconds": 11.04, "lossShare": 0.0895,
      "suggestedLossShare": 0.0782, "isRight": false, "gainGpuHoursAWeek": 15.2,
    ],
    "lostSeconds": ["checkpointing": 0.55, "detecting": 1.5, "redone": 8.75, "waiting": 2.5],
    "faults": [
      [
        "at": "2026-01-02T03:00:00Z", "component": "node", "node": "node-2", "rank": nil, "cause": "nodeSilent",
        "confidence": "high", "evidence": ["3 beats missed", "agent reports the shim dead"],
        "detectedAfterSeconds": 1.502, "resumedAfterSeconds": 2.31, "stepsLost": 40,
      ]
    ],
  ]

  private static func project(
    _ name: String, parent: JSON = nil, jobs: JSON = 0, devices: [JSON], limits: JSON = [:], userLimits: JSON = [:],
    declared: JSON = true
  ) -> JSON {
    [
      "name": .string(name), "parent": parent, "declared": declared, "runningJobs": jobs, "devices": .array(devices),
      "limits": limits, "userLimits": userLimits,
    ]
  }

  private static func devices(
    _ type: JSON, _ guaranteed: JSON, _ used: JSON, _ borrowed: JSON, borrow: JSON = nil, lend: JSON = nil
  ) -> JSON {
    [
      "deviceType": type, "guaranteed": guaranteed, "used": used, "borrowed": borrowed, "borrowLimit": borrow,
      "lendLimit": lend,
    ]
  }

  private static let quota: JSON = [
    "projects": [
      project(
        "research", jobs: 31, devices: [devices("H100", 256, 224, 0), devices("GB200", 144, 72, 0)],
        limits: ["runningJobs": 400]),
      project(
        "vision", parent: "research", jobs: 28, devices: [devices("H100", 192, 208, 16, borrow: 64, lend: 128)],
        limits: ["walltimeSeconds": 259_200], userLimits: ["runningJobs": 20, "devices": 64]),
      project(
        "language", parent: "research", jobs: 3,
        devices: [devices("H100", 64, 16, 0), devices("GB200", 144, 72, 0)]),
      project("speech", parent: "language", devices: []),
      project(
        "students", devices: [devices(nil, 16, 0, 0)], userLimits: ["devices": 4, "walltimeSeconds": 43_200]),
      project("default", jobs: 1, devices: [devices("H100", nil, 8, nil)], declared: false),
    ],
    "deviceTypes": [["deviceType": "GB200", "devices": 144], ["deviceType": "H100", "devices": 512]],
  ]

  private static let applied: JSON = [
    "dryRun": true,
    "changes": [
      ["change": "changed", "what": "project", "name": "vision", "text": "H100 guaranteed 64 -> 32"],
      ["change": "added", "what": "priority", "name": "urgent", "text": "value 1000, preempts yes"],
      ["change": "removed", "what": "place", "name": "gb-[1-18]", "text": "in b1/rack1"],
      ["change": "added", "what": "project", "name": "audio", "text": ""],
    ],
    "warnings": ["project vision uses 48 H100 devices, of which 32 are guaranteed to it: the rest is borrowed"],
  ]

  private static func accounts(_ key: JSON, _ amounts: KeyValuePairs<String, Int64>, _ goodput: JSON) -> JSON {
    [
      "key": key, "name": key.intValue == nil ? nil : "train", "goodput": goodput,
      "provisionalGpuMilliseconds": 720_000,
      "gpuMilliseconds": .object(amounts.map { .init(name: $0.key, value: .int($0.value)) }),
    ]
  }

  private static let accounts: JSON = [
    "by": "job", "from": "2026-01-01T00:00:00.000Z", "to": "2026-01-02T00:00:00.000Z",
    "capacityGpuMilliseconds": 691_200_000, "accountedGpuMilliseconds": 691_200_000,
    "fleet": accounts(
      nil, ["productive": 455_040_000, "redone": 36_000, "inputStall": 0, "free": 236_124_000], 0.9999),
    "rows": [
      accounts(nil, ["free": 236_124_000], nil),
      accounts(7, ["productive": 4_320_000, "redone": 36_000], 0.9917), accounts(41, ["productive": 450_720_000], 1),
    ],
  ]

  private static let maintenance: JSON = [
    [
      "id": 1, "state": "active", "from": "2026-01-02T00:00:00.000Z", "to": "2026-01-03T00:00:00.000Z",
      "nodes": "node-[1-18]", "within": nil, "reason": "pumps",
    ],
    [
      "id": 12, "state": "planned", "from": "2026-12-01T08:00:00.000Z", "to": "2026-12-01T12:00:00.250Z", "nodes": nil,
      "within": ["level": "rack", "domain": "r17"], "reason": "",
    ],
  ]

  private static let queue: JSON = [
    [
      "id": 41, "name": "pretrain", "user": "ada", "project": "llm", "priority": 100, "state": "pending",
      "nodeCount": 128, "devicesPerNode": 8, "waitedSeconds": 187_200.5, "startEstimate": "2026-01-02T14:05:00.250Z",
      "causes": [
        ["kind": "nodesBusy", "message": "needs 128 nodes with enough free devices; free now: 12"],
        ["kind": "health", "message": "3 nodes are out of service"],
      ],
    ],
    [
      "id": 44, "arrayId": 42, "arrayIndex": 2, "name": "a-name-that-is-longer-than-the-column", "user": "grace",
      "project": "default", "priority": 0, "state": "pending", "nodeCount": 1, "devicesPerNode": 0,
      "waitedSeconds": 3, "startEstimate": nil,
      "causes": [["kind": "held", "message": "is on hold: `muster release` lets it go"]],
    ],
  ]

  /// What was declared, in words.
  private var policyText: String {
    var text = "\n# quota\n" + QuotaText.tree(Self.quota, .plain)
    text += "\n# quota of nobody\n" + QuotaText.tree(["projects": []], .plain)
    text += TopologySamples.text
    text += "\n# apply\n" + PolicyText.applied(Self.applied, .plain)
    text += "\n# apply of the same\n" + PolicyText.applied(["dryRun": false, "changes": []], .plain)
    text += "\n# maintenance\n" + MaintenanceText.table(Self.maintenance.arrayValue ?? [], .plain)
    text += MaintenanceText.table([], .plain)
    text += "\n# tasks of an array\n"
    text += JobsText.table([["id": 44, "arrayId": 41, "arrayIndex": 3, "state": "pending"]], now: Self.now, .plain)
    text += "\n# queue\n" + QueueText.table(Self.queue.arrayValue ?? [], .plain) + QueueText.table([], .plain)
    text += "\n# accounts\n" + AccountsText.table(Self.accounts, .plain)
    text += "\n# accounts as CSV\n" + AccountsText.csv(Self.accounts)
    text += "\n# accounts of no nodes\n" + AccountsText.table(["by": "day", "rows": []], .plain)
    return text
  }

  private var text: String {
    var text = "# jobs\n" + JobsText.table(Self.jobs.arrayValue ?? [], now: Self.now, .plain)
    text += JobsText.table([], now: Self.now, .plain)
    for job in Self.jobs.arrayValue ?? [] { text += "\n# job\n" + JobsText.detail(job, now: Self.now, .plain) }
    text += "\n# job of an unknown shape\n" + JobsText.detail(["id": 5, "state": "dreaming"], now: Self.now, .plain)
    text += "\n# nodes\n" + NodesText.table(Self.nodes.arrayValue ?? [], now: Self.now, .plain)
    for node in Self.nodes.arrayValue ?? [] { text += "\n# node\n" + NodesText.detail(node, now: Self.now, .plain) }
    text += "\n# report\n" + ReportText.text(Self.report, .plain)
    text += "\n# report without faults\n" + ReportText.text(["goodput": 1, "faults": []], .plain)
    text += "\n# why\n"
    text += EventsText.why(
      [
        "id": 12, "state": "pending", "causes": [["kind": "nodes", "message": "waits for 60 of 64 nodes"]],
        "startEstimate": "2026-01-02T04:00:00Z",
        "wouldStartNow": [["kind": "jobsEnd", "jobs": [7], "message": "when job 7 ends, about 2026-01-02T04:00:00Z"]],
      ], .plain)
    text += "\n# event\n"
    text += EventsText.line(
      ["at": "2026-01-02T03:04:05.123Z", "text": "node-2 is silent\u{1b}[2J"], kind: "nodeSuspected", .plain)
    return text + policyText
  }

  @Test("what people read is that of the golden file")
  func golden() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/display.txt")
    if ProcessInfo.processInfo.environment["MUSTER_REWRITE_GOLDEN"] != nil {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOf: url, encoding: .utf8)))
  }

  @Test("colour only adds: without it the same text is left")
  func colour() {
    let jobs = Self.jobs.arrayValue ?? []
    let coloured = JobsText.table(jobs, now: Self.now, Style(isColoured: true))
    #expect(coloured.contains("\u{1b}[32mrunning\u{1b}[0m"))
    let bare = coloured.replacingOccurrences(of: "\u{1b}\\[[0-9]+m", with: "", options: .regularExpression)
    #expect(bare == JobsText.table(jobs, now: Self.now, .plain))
  }
}

@Suite struct DisplayTests {
  @Test(
    "times on the wire",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-01-02T03:04:05Z", 1_767_323_045), ("2000-02-29T12:00:00.25Z", 951_825_600.25),
      ("2100-03-01T00:00:00Z", 4_107_542_400),
    ])
  func times(text: String, seconds: Double) {
    #expect(Timestamps.unixSeconds(text) == seconds)
  }

  @Test(
    "what is no time in UTC is none",
    arguments: ["", "now", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05+01:00"])
  func noTimes(text: String) {
    #expect(Timestamps.unixSeconds(text) == nil)
  }

  @Test(
    "lengths of time",
    arguments: [
      (0, "0 ms", "0:00"), (0.04, "40 ms", "0:00"), (0.9999, "1 s", "0:00"), (1, "1 s", "0:01"),
      (2.34, "2.3 s", "0:02"),
      (59.96, "1 min", "0:59"), (725, "12 min 5 s", "12:05"), (10_920, "3 h 2 min", "3:02:00"),
      (183_600, "2 d 3 h", "2-03:00:00"), (-5, "0 ms", "0:00"),
    ])
  func lengths(seconds: Double, length: String, clock: String) {
    #expect(Timestamps.length(seconds: seconds) == length)
    #expect(Timestamps.clock(seconds: seconds) == clock)
  }

  @Test(
    "names of nodes, short",
    arguments: [
      ([], ""), (["a"], "a"), (["node-1"], "node-1"), (["node-1", "node-2", "node-3"], "node-[1-3]"),
      (["node-1", "node-3"], "node-[1,3]"), (["node-9", "node-10"], "node-[9-10]"),
      (["n01", "n02", "n2"], "n[01-02],n2"), (["a1", "b1", "b2"], "a1,b[1-2]"), (["gpu", "gpu1"], "gpu,gpu1"),
      (["node-3", "node-1"], "node-[3,1]"),
    ])
  func nodeLists(names: [String], text: String) {
    #expect(NodeList.text(names) == text)
  }

  @Test("numbers keep the digits that matter")
  func numbers() {
    #expect(Numbers.short(1.23456) == "1.235" && Numbers.short(12.3456) == "12.35" && Numbers.short(1234.5) == "1235")
    #expect(Numbers.fixed(-0.0004, decimals: 3) == "0.000" && Numbers.fixed(-1.5, decimals: 1) == "-1.5")
    #expect(Numbers.percent(0.89981) == "90.0 %" && Numbers.bytes(1536) == "1.5 KiB" && Numbers.bytes(12) == "12 B")
  }

  @Test("run's exit code is the first failing rank's, else as wait's")
  func outcomes() {
    func status(_ job: JSON) -> Int32 { JobOutcome.runStatus(job) }
    #expect(status(["state": "completed", "exitCode": 3]) == 0)
    #expect(status(["state": "failed", "exitCode": 3]) == 3)
    #expect(status(["state": "failed", "ranks": [["exitCode": 0], ["signal": 9], ["exitCode": 1]]]) == 137)
    #expect(status(["state": "failed", "exitCode": nil]) == 1)
    #expect(status(["state": "cancelled", "exitCode": 143]) == 1 && status(["state": "timedOut"]) == 1)
  }
}
