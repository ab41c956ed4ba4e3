import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  func nodes(_ request: Request) async throws -> Response {
    let after = request.uri.queryParameters["after"].map(String.init)
    let limit = try API.number(request, "limit", default: Int64(API.pageLimit), in: 1...Int64(API.pageLimit))
    return Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        var first = 0
        if let after {
          guard let node = state.controller.cluster.node(named: after) else { throw APIError(.noSuchNode(after)) }
          first = Int(node.index) + 1
        }
        return state.controller.nodePage(from: first, limit: Int(limit))
      })
  }

  func node(_ name: String) async throws -> Response {
    Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        guard let node = state.controller.cluster.node(named: name) else { throw APIError(.noSuchNode(name)) }
        return state.controller.nodeView(node)
      })
  }

  /// The fleet by its places; with `level` only the domains of that level.
  func topology(_ request: Request) async throws -> Response {
    let counts = try await perform(.reads) { (state, _) throws(APIError) in
      state.controller.fleetCounts(sizes: [1, 4, 16])
    }
    var level: Int?
    if let name = request.uri.queryParameters["level"].map(String.init) {
      level = counts.levels.firstIndex(of: name)
      if level == nil {
        throw APIError.invalid("level", name, "a level of the topology: \(counts.levels.joined(separator: ", "))")
      }
    }
    return Response(json: counts.json(level: level))
  }

  func drain(_ name: String, _ request: Request) async throws -> Response {
    guard let reason = try await json(request)["reason"]?.stringValue, !reason.isEmpty, reason.utf8.count <= 1024 else {
      throw APIError.invalid(
        "reason", "", "a text of 1 to 1,024 bytes: whoever finds the node drained wants to know why")
    }
    try await command(.drain(node: name, reason: reason))
    return try await node(name)
  }

  func resume(_ name: String) async throws -> Response {
    try await command(.resume(node: name))
    return try await node(name)
  }

  func fence(_ name: String, _ request: Request) async throws -> Response {
    guard try await json(request)["confirmDead"]?.boolValue == true else {
      throw APIError.invalid("confirmDead", "false", "true: you vouch that nothing runs on that machine any more")
    }
    try await command(.fence(node: name))
    return try await node(name)
  }

  /// Faults on purpose, for drills: they act in the agent or shim, and nothing of them reaches the diagnosis.
  func inject(_ request: Request) async throws -> Response {
    let json = try await json(request)
    let kind = json["kind"]?.stringValue ?? ""
    switch kind {
    case "kill-node", "kill-agent":
      guard let name = json["node"]?.stringValue else { throw APIError.invalid("node", "", "a node's name") }
      try await perform(.orders) { (state, _) throws(APIError) in
        guard let node = state.controller.cluster.node(named: name) else { throw APIError(.noSuchNode(name)) }
        guard let peer = state.links.agent(node) else {
          throw .notFound("node \"\(name)\" has no agent connected", "`muster nodes` shows which nodes answer")
        }
        peer.send(.inject(epoch: state.controller.cluster.epoch, kind == "kill-node" ? .killNode : .killAgent))
      }
    case "kill-rank", "stop-rank":
      guard let job = json["job"]?.intValue, let rank = json["rank"]?.intValue.flatMap({ Int32(exactly: $0) }) else {
        throw APIError.invalid("job, rank", "", "a job's number and a rank of it")
      }
      try await perform(.orders) { (state, _) throws(APIError) in
        guard let member = state.controller.member(ofJob: JobID(job), rank: rank), let peer = state.links.shim(member)
        else { throw .notFound("job \(job) has no rank \(rank) running", "`muster job \(job)` lists its ranks") }
        peer.send(
          .inject(epoch: state.controller.cluster.epoch, kind == "kill-rank" ? .killRank(rank) : .stopRank(rank)))
      }
    default: throw APIError.invalid("kind", kind, "kill-rank, stop-rank, kill-node or kill-agent")
    }
    return Response(json: .object([]), status: .accepted)
  }
}
