import Foundation
import MusterProtocol
import Testing

/// Every text that a wrong job file can get, in one file that a person reviews. `MUSTER_REWRITE_GOLDEN=1` rewrites it.
@Suite struct JobFileGoldenTests {
  private static let files: [String] = [
    "command: python3 train.py",
    "comand: [a]\nnodes: 4\nzzzzzzzz: [1]",
    "command: [a, [b], ~, \"x\\0\"]\nenvironment: {1A: x, MUSTER_JOB_ID: 1, B: [c], C: null}",
    "command: [a]\ngang: {nodes: 0, devicesPerNode: 65, ranksPerNode: 0, cpus: many, memory: 16, cores: 2}",
    "command: [a]\ngang: {memory: 1.5GiB, nodes: \"4\"}\npriority: so high\nname: a b\nproject: ''\nuser: a b",
    "command: [a]\nwalltime: 1:30:00\nrestart: {hangAfter: 90, grace: soon, fence: no, limit: -1}",
    "command: [a]\nwalltime: 0s\nstop: {signal: SIGNOPE, grace: 1.5h}\nlogs: {limit: 1KiB}\ncheckpoint: {every: 5s}",
    "command: [a]\nclass: gold\ngang: {spread: rack}\narray: 1-10",
    "command: [a]\nroles: {main: {command: [b]}, eval: {command: [c]}}",
    "roles: {}",
    "roles: {'my role': {command: [a], nods: 2}}",
    "command: [a]\ngang: {nodes: 65536, ranksPerNode: 1024}",
    "command: [a]\nworkingDirectory: [x]\nenvironment: [A=1]\nrestart: 3\nlogs: big",
    "command: [a\nname: x",
    "command: [a]\nname: \"x",
    "command: [a]\ncommand: [b]",
    "name: \"a b\"\npriority: x!\npriority: 4\nwalltime: 9",
    "command: []\nrestart:\n  limit: 1\n  limit: 2\nenvironment: {MUSTER_X: {a: b}}",
    "roles:\n  main: {nodes: 65536, ranksPerNode: 1000}\n  eval: {nodes: 0}",
    "command: [a]\n---\ncommand: [b]",
    "command: [a]\n? [x]\n: 1",
    "a: *b",
    "just text",
    "command: [a]\ngang: {nodes: 24}\nsegment: 16\nwithin: {preferred: maybe, lvl: rack}\nspread: [rack]\nexclusive: 1",
    "command: [a]\nsegment: 256\nwithin: a b\nspread: {level: rack, atMost: 0}\ndeviceTypes: [\"\", [x]]\nhold: \"yes\"",
    "command: [a]\narray: 5-1\nconstraint: ib=hdr|old\nexclude: [\"n[3\", \"n[1-99999]\"]\ndependsOn: [afterok, aftercorr:3]",
    "command: [a]\narray: 0-2000000\nbegin: tomorrow\nwarn: {signal: USR1, before: 5m}",
    "command: [a]\narray: 0-1000\nwalltime: 1h\nwarn: {before: 2h}\npriority: 1.5",
    "command: [a]\narray: 1:2\nwarn: {signal: X}\ndependsOn: [\"afterok:41,7\", \"singleton:3\"]\nconstraint: [a b]",
    "command: [\"\"]\nname: a-name-that-is-far-too-long-to-be-shown-in-whole-because-nobody-would-read-it-anyway!",
  ]

  @Test("the texts of all errors are those of the golden file")
  func texts() throws {
    var actual = ""
    for file in Self.files {
      actual += file + "\n"
      switch JobFile.parse(yaml: file, context: SubmitContext(user: "ada", workingDirectory: "/home/ada")) {
      case .success: actual += "=> accepted\n\n"
      case .failure(let errors):
        actual += errors.problems.map { "=> " + $0.message(file: "job.yaml") + "\n" }.joined() + "\n"
      }
    }
    actual += "# beyond what a short file can show\n"
    let rest: [JobFileRule] = [
      .path, .commandBytes(limit: JobFile.Limits.commandBytes),
      .environmentEntries(limit: JobFile.Limits.environmentEntries),
      .environmentBytes(limit: JobFile.Limits.environmentBytes), .size(limit: JobDocument.limitBytes),
    ]
    for rule in rest { actual += "=> (allowed: \(rule.allowed))\n" }
    try compare(actual, golden: "job-file-errors.txt")
  }

  private func compare(_ actual: String, golden name: String) throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/\(name)")
    if ProcessInfo.processInfo.environment["MUSTER_REWRITE_GOLDEN"] != nil {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try actual.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(actual == (try String(contentsOf: url, encoding: .utf8)))
  }
}
