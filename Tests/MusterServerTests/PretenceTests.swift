import Foundation
import Hummingbird
import Logging
import MusterCore
import MusterProtocol
import Testing

@testable import MusterServer

/// Two nodes that join and do nothing.
private final class StillFleet: HostedFleet {
  private var left = ["a", "b"]

  func open(_ cluster: borrowing Cluster, now: Instant) throws {}
  func see(_ facts: [Fact], _ cluster: borrowing Cluster) {}
  func due(_ now: Instant) -> [Command] {
    defer { left = [] }
    return left.enumerated().flatMap { i, name in
      let node = NodeID(Int32(i))
      return [
        Command.agentHello(NodeJoined(node: node, name: name, machine: name, boot: "1", devices: 8), pid: 1),
        .agentReport(node: node, []),
      ]
    }
  }
  var nextDue: Instant { left.isEmpty ? .never : .zero }
}

@Suite struct PretenceTests {
  private static func options(_ folder: String, pretends: Bool) -> Server.Options {
    var options = Server.Options(dataFolder: folder, port: 0)
    if pretends { options.pretence = Server.Options.Pretence(speed: 100) { StillFleet() } }
    return options
  }

  @Test("a journal is of a real fleet or of a pretend one, whoever comes first", arguments: [true, false])
  func claimed(pretends: Bool) async throws {
    let folder = NSTemporaryDirectory() + "muster-pretence-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let logger = Logger(label: "test")
    let first = try await Server(Self.options(folder, pretends: pretends), logger: logger)
    await first.close()
    let told = await #expect(throws: Server.StartFailure.self) {
      _ = try await Server(Self.options(folder, pretends: !pretends), logger: logger)
    }
    #expect(told?.reason.contains(pretends ? "journal of a pretend fleet" : "journal of a real fleet") == true)
    let again = try await Server(Self.options(folder, pretends: pretends), logger: logger)
    await again.close()
  }

  /// Far more than the writer's batches that it takes.
  private static let mostLooks = 20_000

  @Test("what a hosted fleet says is decided and durable, its time runs ahead, and answers say so")
  func hosted() async throws {
    let pretence = Server.Options.Pretence(speed: 1000) { StillFleet() }
    try await withServer(pretence) { ask async throws in
      var nodes: [String] = []
      for _ in 0..<Self.mostLooks where nodes.count < 2 {
        nodes =
          try await ask(.get, "/v1/nodes", "", [:]).json["nodes"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
          ?? []
      }
      #expect(nodes == ["a", "b"])
      let cluster = try await ask(.get, "/v1/cluster", "", [:])
      #expect(try cluster.json["simulation"]?["speed"]?.intValue == 1000)
      let told = cluster.headers[.init("Muster-Time") ?? .age]
      #expect(told.flatMap { Moment.parse($0) } != nil)
      let job =
        #"{"name":"x","command":["sleep","5"],"gang":{"devicesPerNode":1},"user":"user","workingDirectory":"/"}"#
      #expect(try await ask(.post, "/v1/jobs", job, [:]).status == 201)
      var logs = try await ask(.get, "/v1/jobs/1/logs", "", [:])
      // It is placed by the next round.
      for _ in 0..<Self.mostLooks where try logs.json["error"]?["code"]?.stringValue == "notFound" {
        logs = try await ask(.get, "/v1/jobs/1/logs", "", [:])
      }
      #expect(try logs.status == 404 && logs.json["error"]?["code"]?.stringValue == "pretended")
    }
  }

  @Test("a real fleet says nothing of simulations, and its answers bear no time")
  func real() async throws {
    try await withServer { ask async throws in
      let cluster = try await ask(.get, "/v1/cluster", "", [:])
      #expect(try cluster.json["simulation"] == .null)
      #expect(cluster.headers[.init("Muster-Time") ?? .age] == nil)
    }
  }
}
