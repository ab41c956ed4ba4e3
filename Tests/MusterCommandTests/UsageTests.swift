import Foundation
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
      (["jobs", "--bogus"], "--bogus"),
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
    #expect(try Program.run(["init", "no/such/folder/x.yaml"], in: folder.path).status == 1)
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
    #expect(try Program.run(["notify", "STEP=1"], environment: ["MUSTER_NOTIFY_SOCKET": path + "x"]).status == 4)
    let long = "STATUS=" + String(repeating: "x", count: 4096)
    #expect(try Program.run(["notify", long], environment: environment).status == 2)
    let far = folder.path + "/" + String(repeating: "y", count: 120)
    #expect(try Program.run(["notify", "STEP=1"], environment: ["MUSTER_NOTIFY_SOCKET": far]).status == 4)
  }
}
