import Foundation
import MusterCore
import MusterProtocol
import Testing

@Suite struct PolicyTests {
  static let example = """
    topology:
      levels: [block, rack]
      places:
        - {nodes: "gb-[1-18]", domains: [b1, rack1], spares: 1}
        - {nodes: "gb-[19-36],x", domains: "b1,rack2"}
    ---
    projects:
      - name: vision
        parent: research
        weight: 2
        quotas:
          H100: {guaranteed: 192, borrowLimit: 64, lendLimit: 128}
        limits: {walltime: 3d}
        userLimits: {devices: 64, runningJobs: 20}
      - name: research
        quotas: {H100: 256, any: 300}
      - {name: students}
    ---
    priorities:
      - {name: urgent, value: 1000}
      - {name: idle, value: -5, preempts: false}
    """

  @Test("several documents are one policy; parents come before their children")
  func reads() throws {
    let part = try PolicyPart.parse(yaml: Self.example).get()
    #expect(part.topology?.levels == ["block", "rack"])
    #expect(
      part.topology?.places == [
        NodePlaces(domains: ["b1", "rack1"], nodes: "gb-[1-18]", spares: 1),
        NodePlaces(domains: ["b1", "rack2"], nodes: "gb-[19-36],x"),
      ])
    let vision = ProjectPolicy(
      name: "vision", parent: "research",
      quotas: [DeviceQuota(deviceType: "H100", guaranteed: 192, borrowLimit: 64, lendLimit: 128)], weight: 2,
      limits: UseLimits(walltime: .seconds(3 * 86_400)), userLimits: UseLimits(runningJobs: 20, devices: 64))
    #expect(part.projects?.map(\.name) == ["research", "vision", "students"])
    #expect(part.projects?[1] == vision)
    #expect(part.projects?[0].quotas.last == DeviceQuota(guaranteed: 300))
    #expect(
      part.priorities == [
        PriorityClass(name: "urgent", value: 1000), PriorityClass(name: "idle", value: -5, preempts: false),
      ])
  }

  @Test("what was read and written reads back the same")
  func roundTrip() throws {
    let part = try PolicyPart.parse(yaml: Self.example).get()
    #expect(try PolicyPart.parse(json: JSON.parse(Array(part.json.text.utf8))).get() == part)
    #expect(try PolicyPart.parse(yaml: part.json.pretty).get() == part)
  }

  @Test("kinds that a file does not mention are kept; an empty list is none")
  func merges() throws {
    let whole = try PolicyPart.parse(yaml: Self.example).get().merged(into: Policy())
    let part = try PolicyPart.parse(yaml: "projects: []").get()
    let merged = part.merged(into: whole)
    #expect(merged.projects.isEmpty && merged.topology == whole.topology && merged.priorities == whole.priorities)
  }

  @Test("the example of the documentation is a policy")
  func documented() throws {
    let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/policy.md")
    let text = try String(contentsOf: docs, encoding: .utf8)
    let start = try #require(text.range(of: "```yaml\n")?.upperBound)
    let end = try #require(text.range(of: "```", range: start..<text.endIndex)?.lowerBound)
    let part = try PolicyPart.parse(yaml: String(text[start..<end])).get()
    #expect(part.projects?.count == 4 && part.priorities?.count == 3 && part.topology?.places.count == 3)
  }

  @Test("changes are told entry by entry, with what differs")
  func changes() throws {
    let old = try PolicyPart.parse(yaml: Self.example).get().merged(into: Policy())
    #expect(PolicyChange.between(old, old).isEmpty)
    let new = try PolicyPart.parse(
      yaml: """
        topology: {levels: [block, rack], places: [{nodes: "gb-[1-18]", domains: [b1, rack1]}]}
        projects:
          - name: research
            quotas: {H100: 128, any: 300}
          - name: audio
        priorities: [{name: urgent, value: 1000}, {name: idle, value: -6, preempts: false}]
        """
    ).get().merged(into: old)
    #expect(
      PolicyChange.between(old, new).map { "\($0.kind.rawValue) \($0.what) \($0.name): \($0.text)" } == [
        "changed place gb-[1-18]: spares 1 -> none", "removed place gb-[19-36],x: in b1/rack2",
        "changed project research: H100 guaranteed 256 -> 128", "added project audio: ",
        "removed project vision: parent research, H100 guaranteed 192, H100 borrowLimit 64, H100 lendLimit 128, weight 2, limits.walltime 3d, userLimits.runningJobs 20, userLimits.devices 64",
        "removed project students: ", "changed priority idle: value -5 -> -6",
      ])
  }
}

/// Every text that a wrong policy file can get, in one file that a person reviews. `MUSTER_REWRITE_GOLDEN=1` rewrites it.
@Suite struct PolicyGoldenTests {
  private static let files: [String] = [
    "", "kinds: 1\nproject: []", "just text", "projects: 3\npriorities: {}\ntopology: []",
    "projects: []\n---\nprojects: []",
    "topology:\n  levels: [rack, rack, node, a b]\n  lvls: 1\n  places: []",
    "topology:\n  levels: [block, rack]\n  places:\n    - {nodes: a, domains: [r1]}\n    - {nodes: \"b[\", domains: [b1, r1]}\n    - {domains: [b1, r1], spares: -1}\n    - {nodes: \"n[1-4]\", domains: [b1, r1], spares: 4}\n    - {nodes: n3, domains: [b2, r1]}\n    - {nodes: m, domains: [b2, \"x y\"], rack: 1}\n    - 7",
    "projects:\n  - {name: a, parent: nobody}\n  - {name: b b}\n  - {parent: a}\n  - {name: a}",
    "projects:\n  - {name: a, parent: c}\n  - {name: b, parent: a}\n  - {name: c, parent: b}\n  - {name: d}",
    "projects:\n  - name: a\n    weight: 0\n    quotas: {H100: -1, any: {guaranteed: 4, lendLimit: 5, lend: 1}}\n    limits: {runningJobs: many, walltime: 90}\n    userLimits: 7\n    quota: 1",
    "projects:\n  - {name: a, quotas: {H100: 8, A100: 1}}\n  - {name: b, parent: a, quotas: {H100: 6}}\n  - {name: c, parent: a, quotas: {H100: 3, A100: 1}}",
    "priorities:\n  - {name: 9, value: 1}\n  - {name: a}\n  - {name: a, value: high, preempts: 1}\n  - {value: 3}",
    "projects:\n  - name: a\n    name: b",
  ]

  @Test("the texts of all errors are those of the golden file")
  func texts() throws {
    var actual = ""
    for file in Self.files {
      actual += file + "\n"
      switch PolicyPart.parse(yaml: file) {
      case .success: actual += "=> accepted\n\n"
      case .failure(let errors):
        actual += errors.problems.map { "=> " + $0.message(file: "policy.yaml") + "\n" }.joined() + "\n"
      }
    }
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "Golden/policy-errors.txt")
    if ProcessInfo.processInfo.environment["MUSTER_REWRITE_GOLDEN"] != nil {
      try actual.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(actual == (try String(contentsOf: url, encoding: .utf8)))
  }
}
