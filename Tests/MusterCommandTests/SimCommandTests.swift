import Foundation
import MusterProtocol
import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct SimCommandTests {
  private static let small = ["sim", "--fleet", "fleet.yaml", "--workload", "jobs.csv", "--format", "csv"]

  private static func folder(jobs: String = "0,100,16\n10,50,16\nx,1,1\n20,30,8\n") throws -> TestFolder {
    let folder = try TestFolder()
    try folder.write("nodes: 2\ndevicesPerNode: 8\n", to: "fleet.yaml")
    try folder.write("submit_seconds,duration_seconds,devices\n" + jobs, to: "jobs.csv")
    return folder
  }

  private static func object(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8)) }

  @Test("what is neither a file nor published faults is refused with the names that there are")
  func unknownFaults() throws {
    let folder = try Self.folder()
    for command in [
      Self.small + ["--policy", "fifo"],
      ["up", "--data", "data", "--listen", "127.0.0.1:0", "--simulate", "fleet.yaml"],
    ] {
      let result = try Program.run(command + ["--faults", "nope"], in: folder.path)
      #expect(result.status == 2)
      #expect(result.error.contains("\"nope\": no such file (allowed: a file, or one of llama3, rsc1, rsc2)"))
    }
  }

  @Test("the results are one JSON object with these fields, the same from run to run but for the time it took")
  func json() throws {
    let folder = try Self.folder()
    let arguments = Self.small + ["--policy", "fifo", "--seed", "7", "--json", "-"]
    let result = try Program.run(arguments, in: folder.path)
    #expect(result.status == 0)
    #expect(result.error == "muster: jobs.csv:4: submit_seconds: x (allowed: seconds, 0 or more, ten years at most)\n")
    let json = try Self.object(result.out)
    #expect(
      json.objectValue?.map(\.name) == [
        "schema", "seed", "policy", "inputSha256", "stateHash", "rows", "jobs", "waitSeconds", "completionSeconds",
        "utilisation", "preemptions", "preemptionLoss", "gpuMilliseconds", "ettr", "wallSeconds",
      ])
    #expect(json["rows"]?["read"]?.intValue == 4 && json["rows"]?["rejected"]?.arrayValue?.count == 1)
    #expect(json["rows"]?["rejected"]?.arrayValue?.first?["line"]?.intValue == 4)
    #expect(json["jobs"]?.objectValue?.compactMap(\.value.intValue) == [3, 3, 0])
    #expect(json["waitSeconds"]?["mean"]?.doubleValue == 73.333 && json["waitSeconds"]?["p95"]?.doubleValue == 130)
    let accounts = json["gpuMilliseconds"]?.objectValue?.compactMap(\.value.intValue) ?? []
    #expect(accounts.reduce(0, +) == 180 * 16 * 1000)
    let again = try Self.object(Program.run(arguments, in: folder.path).out)
    func withoutTime(_ json: JSON) -> [JSON.Member] { (json.objectValue ?? []).filter { $0.name != "wallSeconds" } }
    #expect(withoutTime(again) == withoutTime(json))
  }

  @Test("a journal of a simulation replays to the state whose hash it says, as a folder or as a file")
  func journal() throws {
    let folder = try Self.folder(jobs: "0,90000,16\n50,700,3\n60,50000,8\n")
    let faults = "repair: [1h, 5h]\nkinds:\n  - {cause: x, per: node, count: 3, days: 2}\n"
    try folder.write(faults, to: "faults.yaml")
    let arguments =
      Self.small + [
        "--policy", "muster", "--faults", "faults.yaml", "--checkpoint-every", "10m", "--restart-cost", "90s",
        "--json", "out.json",
      ]
    var hashes: [String] = []
    for journal in ["a", "b/journal.sqlite"] {
      let result = try Program.run(arguments + ["--journal", journal], in: folder.path)
      #expect(result.status == 0, "\(result.error)")
      let json = try Self.object(String(contentsOfFile: folder.path + "/out.json", encoding: .utf8))
      let replay = try Self.object(Program.run(["replay", journal, "--json"], in: folder.path).out)
      #expect(json["stateHash"]?.stringValue == replay["stateHash"]?.stringValue)
      #expect(json["ettr"]?.doubleValue.map { $0 < 1 } == true, "nothing broke: the test shows nothing")
      hashes.append(replay["stateHash"]?.stringValue ?? "")
    }
    #expect(hashes[0] == hashes[1])
    let second = try Program.run(arguments + ["--journal", "a"], in: folder.path)
    #expect(second.status == 5 && second.error.contains("holds a journal"))
  }

  @Test("the page and the rows of the jobs are written where they are asked for")
  func files() throws {
    let folder = try Self.folder()
    let arguments = Self.small + ["--policy", "easy", "--html", "page.html", "--jobs-csv", "rows.csv"]
    let result = try Program.run(arguments, in: folder.path)
    #expect(result.status == 0 && result.out.contains("3 submitted, 3 completed, 0 unfinished"))
    let page = try String(contentsOfFile: folder.path + "/page.html", encoding: .utf8)
    #expect(page.hasPrefix("<!doctype html>") && page.contains("<title>jobs.csv on fleet.yaml, easy</title>"))
    let rows = try String(contentsOfFile: folder.path + "/rows.csv", encoding: .utf8)
    #expect(rows.split(separator: "\n").count == 4)
  }

  @Test("a policy is obeyed: quotas, limits and priorities by name; its topology is left out, and said so")
  func policy() throws {
    let folder = try Self.folder()
    try folder.write(
      "groups:\n  - {nodes: 2, devicesPerNode: 8, deviceType: H100}\n  - {nodes: 2, devicesPerNode: 4, deviceType: A100}\n",
      to: "fleet.yaml")
    try folder.write(
      "topology: {levels: [hall]}\n---\npriorities: [{name: urgent, value: 100}]\n---\nprojects:\n"
        + "  - {name: a, limits: {runningJobs: 1}}\n  - {name: b, limits: {runningJobs: 0}}\n", to: "policy.yaml")
    try folder.write(
      "submit_seconds,duration_seconds,devices,project,priority,device_type\n0,100,8,a,,H100\n0,100,8,a,,H100\n"
        + "1,100,4,a,urgent,A100\n2,50,8,c,,A100\n3,1,1,b,,\n4,1,1,c,high,\n", to: "jobs.csv")
    let result = try Program.run(
      Self.small + ["--policy", "easy", "--apply", "policy.yaml", "--jobs-csv", "rows.csv"], in: folder.path)
    #expect(result.status == 0)
    #expect(
      result.error
        == "muster: policy.yaml: topology is left out: where nodes stand is what fleet.yaml says\n"
        + "muster: jobs.csv:7: priority: high (allowed: a whole number from -1000000 to 1000000, or urgent)\n")
    #expect(result.out.contains("2 nodes of 8 H100, 2 nodes of 4 A100, 24 in all"))
    #expect(result.out.contains("6 read, 2 rejected"))
    let rows = try String(contentsOfFile: folder.path + "/rows.csv", encoding: .utf8)
    let starts = rows.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    // One job of a at a time, the urgent one before the one that came earlier; c has both A100 nodes for 50 s.
    #expect(starts.map { "\($0[0]) \($0[7])" } == ["2 0", "3 200", "4 100", "5 2"])
  }

  @Test(
    "what is wrong is told with the file, the field and what would be right, and exits with 2",
    arguments: [
      (["--policy", "turns"], "experiment-turns"), (["--policy", "best"], "best"),
      (["--policy", "fifo", "--from", "soon"], "--from is soon"),
      (["--policy", "fifo", "--from", "9", "--to", "9"], "--to is 9"),
      (["--policy", "fifo", "--checkpoint-every", "0s"], "--checkpoint-every is 0s"),
      (["--policy", "fifo", "--checkpoint-every", "10"], "--checkpoint-every"),
      (["--policy", "fifo", "--scale-load", "0"], "--scale-load"),
      (["--policy", "fifo", "--faults", "llama4"], "\"llama4\": no such file"),
      (["--policy", "fifo", "--faults", "jobs.csv"], "jobs.csv"),
      (["--policy", "fifo", "--faults", "racks.yaml"], "fleet.yaml: nodesPerRack: (missing)"),
      (["--policy", "fifo", "--fleet", "bad.yaml"], "bad.yaml:1: nodes: many"),
      (["--policy", "fifo", "--apply", "none.yaml"], "none.yaml cannot be read"),
      (["--policy", "fifo", "--apply", "policy.yaml"], "policy.yaml:1: projects[0].weight: heavy"),
      (["--policy", "fifo", "--format", "philly"], "jobs.csv:1: header: "),
      (["--policy", "fifo", "--json", "-", "--html", "-"], "only one of"),
      (["--policy", "fifo", "--json", "no/such/file"], "no/such/file cannot be written"),
    ])
  func usage(arguments: [String], text: String) throws {
    let folder = try Self.folder()
    try folder.write("nodes: many\ndevicesPerNode: 8\n", to: "bad.yaml")
    try folder.write("projects: [{name: a, weight: heavy}]\n", to: "policy.yaml")
    try folder.write("repair: [1h]\nkinds: [{cause: x, per: rack, count: 1, days: 1}]\n", to: "racks.yaml")
    let result = try Program.run(Self.small + arguments, in: folder.path)
    #expect(result.status == 2 && result.error.contains(text), "\(result)")
  }
}
