import Foundation
import MusterProtocol
import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct UsageTests {
  @Test(
    "wrong usage exits with 2 and says what is right",
    arguments: [
      (["bogus"], "Unexpected argument 'bogus'"), (["drain", "n"], "--reason"), (["job"], "<id>"),
      (["job", "one"], "one"), (["fence", "n"], "--confirm-dead"), (["exec"], "not yet"), (["plan", "--x"], "not yet"),
      (["inject", "kill-rank", "--job", "1"], "--rank"), (["inject", "kill-node", "--job", "1"], "--node"),
      (["inject", "burn"], "burn"), (["wait", "1", "--timeout", "soon"], "soon"), (["run"], "command"),
      (["run", "--bogus", "x"], "--bogus"),
      (["run", "--nodes", "2", "--devces", "1", "--", "a"], "--devces"), (["run", "--"], "command"),
      (["run", "--nodes", "0", "--", "a"], "gang.nodes: 0 (allowed: a whole number from 1 to 65536)"),
      (["run", "--env", "X", "--", "a"], "NAME=value"), (["notify", "hello"], "NAME=value"), (["notify"], "NAME=value"),
      (["submit", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
      (["jobs", "--bogus"], "--bogus"), (["agent", "--join", "h:1", "--token", "t", "--label", "a b=c"], "a b=c"),
      (["agent", "--join", "h:1", "--token", "t", "--label", "a=b", "--label", "a=c"], "twice"),
      (["up", "--device-type", "a,b"], "--device-type is \"a,b\""),
      (["up", "--dcgm-exporter", "https://n1"], "--dcgm-exporter is \"https://n1\": http://HOST[:PORT][/PATH]"),
      (["up", "--device-recording", "-"], "--device-recording is \"-\""),
      (
        ["up", "--dcgm-exporter", "http://n1", "--device-recording", "a.csv"],
        "--dcgm-exporter or --device-recording, not both"
      ),
      (["up", "--simulate", "f.yaml", "--device-recording", "a.csv"], "--device-recording is for real nodes"),
      (["hold"], "<jobs>"), (["release", "x"], "x"),
    ])
  func usage(arguments: [String], text: String) throws {
    let result = try Program.run(arguments)
    #expect(result.status == 2)
    #expect(result.error.contains(text), "\(result.error)")
    #expect(result.out.isEmpty)
  }

  @Test(
    "help, version and completions need no controller",
    arguments: [
      (["--help"], "USAGE: muster"), (["help", "run"], "--nodes"), (["version"], "muster 0."), (["--version"], "0."),
      (["version", "--json"], #"{"version":"0."#), (["version", "--help"], "USAGE"), (["run", "--help"], "USAGE"),
      (["run", "-h"], "USAGE"), (["notify", "--help"], "USAGE"),
      (["--generate-completion-script", "bash"], "muster"), ([], "USAGE"),
    ])
  func help(arguments: [String], text: String) throws {
    let result = try Program.run(arguments)
    #expect(result.status == 0 && result.out.contains(text), "\(result)")
  }

  @Test(
    "without a controller every command exits with 4 and says how to start one",
    arguments: [
      ["jobs"], ["nodes", "--json"], ["events", "-f"], ["logs", "1", "-f"], ["wait", "1"], ["cancel", "1", "2"],
      ["run", "--", "true"], ["why", "1"], ["report", "1"], ["inject", "kill-agent", "--node", "n"],
      ["topology"],
    ])
  func unreachable(arguments: [String]) throws {
    let result = try Program.run(arguments)
    #expect(result.status == 4)
    #expect(result.error.contains("muster up") && result.out.isEmpty)
    #expect(result.error.components(separatedBy: "has written its address").count == 2)
  }

  @Test("init writes the sample once")
  func initialise() throws {
    let folder = try TestFolder()
    #expect(try Program.run(["init"], in: folder.path).out.contains("muster submit job.yaml"))
    let sample = try String(contentsOfFile: folder.path + "/job.yaml", encoding: .utf8)
    #expect(sample.hasPrefix("# A job for Muster"))
    let second = try Program.run(["init"], in: folder.path)
    #expect(second.status == 5 && second.error.contains("--force"))
    #expect(try Program.run(["init", "--force", "--json"], in: folder.path).out == "{\"file\":\"job.yaml\"}\n")
    #expect(try Program.run(["init", "-"]).out == sample)
    let nowhere = try Program.run(["init", "no/such/folder/x.yaml"], in: folder.path)
    #expect(nowhere.status == 2)
    #expect(
      nowhere.error.hasPrefix("muster: no/such/folder/x.yaml cannot be written: No such file or directory\n  make"))
  }
}

@Suite(.timeLimit(.minutes(2))) struct JSONErrorTests {
  @Test(
    "with --json an error is one object in the API's shape, with the same exit code",
    arguments: [
      (["jobs", "--json"], "noController", 4), (["job", "1", "--json", "--bogus"], "usage", 2),
      (["exec", "--json"], "notYet", 2), (["submit", "/nowhere.yaml", "--json"], "unreadableFile", 2),
      (["init", "/nowhere/x.yaml", "--json"], "unwritableFile", 2), (["notify", "x", "--json"], "usage", 2),
      (["replay", "/nowhere", "--json"], "notFound", 3), (["cancel", "1", "--json"], "noController", 4),
      (["run", "--json", "--nodes", "0", "--", "a"], "invalidJob", 2),
    ])
  func object(arguments: [String], code: String, status: Int32) throws {
    let result = try Program.run(arguments)
    #expect(result.status == status && result.out.isEmpty)
    let error = try JSON.parse(Array(result.error.utf8))["error"]
    #expect(error?["code"]?.stringValue == code, "\(result.error)")
    #expect(error?["message"]?.stringValue?.isEmpty == false && error?["remedy"]?.stringValue?.isEmpty == false)
  }

  @Test("problems of all files are in one object, each with its file and line")
  func problems() throws {
    let folder = try TestFolder()
    try folder.write("command: [a]\ngang: {nodes: 0}\n", to: "a.yaml")
    try folder.write("comand: [a]\n", to: "b.yaml")
    let result = try Program.run(["submit", "a.yaml", "b.yaml", "--json"], in: folder.path)
    #expect(result.status == 2)
    let problems = try JSON.parse(Array(result.error.utf8))["error"]?["problems"]?.arrayValue ?? []
    #expect(problems.compactMap { $0["file"]?.stringValue } == ["a.yaml", "b.yaml", "b.yaml"])
    #expect(problems.compactMap { $0["line"]?.intValue } == [2, 1, 1])
    #expect(problems.first?["field"]?.stringValue == "gang.nodes")
  }

  @Test("a --json of the program that is to run is not ours")
  func othersFlag() throws {
    #expect(try Program.run(["run", "--nodes", "0", "--", "a", "--json"]).error.hasPrefix("muster: "))
    #expect(try Program.run(["run", "--nodes", "0", "a", "--json"]).error.hasPrefix("muster: "))
  }

  @Test("notify says whether there was anybody to send to")
  func notify() throws {
    #expect(try Program.run(["notify", "STEP=1", "--json"]).out == "{\"sent\":false}\n")
  }
}

@Suite(.timeLimit(.minutes(2))) struct NotifyTests {
  @Test("all messages go as one datagram; outside of a job nothing happens")
  func datagram() throws {
    let folder = try TestFolder()
    let path = folder.path + "/s"
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    let environment = ["MUSTER_NOTIFY_SOCKET": path]
    #expect(try Program.run(["notify", "STEP=12", "STATUS=a b"], environment: environment).status == 0)
    var buffer = [UInt8](repeating: 0, count: 100)
    // It is there: the program has ended.
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "STEP=12\nSTATUS=a b")
    #expect(try Program.run(["notify", "STEP=1"]).status == 0)
    #expect(try Program.run(["notify", "STEP=1", "--json"], environment: environment).out == "{\"sent\":true}\n")
    #expect(try Program.run(["notify", "STEP=1"], environment: ["MUSTER_NOTIFY_SOCKET": path + "x"]).status == 4)
    let long = "STATUS=" + String(repeating: "x", count: 4096)
    #expect(try Program.run(["notify", long], environment: environment).status == 2)
    let far = folder.path + "/" + String(repeating: "y", count: 120)
    #expect(try Program.run(["notify", "STEP=1"], environment: ["MUSTER_NOTIFY_SOCKET": far]).status == 4)
  }
}
