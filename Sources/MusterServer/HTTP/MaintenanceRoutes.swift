import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  func maintenance() async throws -> Response {
    Response(
      json: try await perform(.reads) { (state, now) throws(APIError) in
        ["maintenance": .array(state.controller.cluster.maintenance.map { $0.json(now: now) })]
      })
  }

  func addMaintenance(_ request: Request) async throws -> Response {
    let window = try API.window(try await json(request), now: writer.now)
    return Response(
      json: try await perform(.orders) { (state, now) throws(APIError) in
        if case .refused(let refusal) = state.handle(.addMaintenance(window), from: .orders) {
          throw APIError(refusal)
        }
        return state.controller.cluster.maintenance.last?.json(now: now) ?? .null
      }, status: .created)
  }

  func removeMaintenance(_ context: some RequestContext) async throws -> Response {
    let text = context.parameters.get("id") ?? ""
    guard let id = Int64(text), id > 0 else { throw APIError.invalid("id", text, "a maintenance's number") }
    try await command(.removeMaintenance(id: id))
    return Response(json: ["id": .int(id)])
  }

  private static func window(_ json: JSON, now: Instant) throws(APIError) -> Maintenance {
    let known = ["from", "to", "forSeconds", "nodes", "within", "reason"]
    for member in json.objectValue ?? [] where !known.contains(member.name) {
      throw .invalid(member.name, member.value.text, "no such field; there are \(known.joined(separator: ", "))")
    }
    var window = Maintenance(id: 0, from: now, to: now)
    if json["from"] != nil { window.from = try moment(json, "from") }
    switch (json["to"], json["forSeconds"]?.doubleValue) {
    case (.some, nil): window.to = try moment(json, "to")
    case (nil, .some(let seconds)):
      guard seconds > 0, seconds <= 315_360_000 else {
        throw .invalid("forSeconds", "\(seconds)", "above 0, up to 315360000 (ten years)")
      }
      window.to = window.from + .milliseconds(Int64(seconds * 1000))
    case (.some, .some), (nil, nil): throw .invalid("to", json["to"]?.text ?? "", "either to or forSeconds")
    }
    window.reason = json["reason"]?.stringValue ?? ""
    guard window.reason.utf8.count <= 1024 else {
      throw .invalid("reason", "\(window.reason.prefix(32))...", "at most 1,024 bytes")
    }
    try place(&window, json)
    return window
  }

  private static func place(_ window: inout Maintenance, _ json: JSON) throws(APIError) {
    window.nodes = json["nodes"]?.stringValue ?? ""
    window.level = json["within"]?["level"]?.stringValue ?? ""
    window.domain = json["within"]?["domain"]?.stringValue ?? ""
    guard window.nodes.isEmpty != window.level.isEmpty, window.level.isEmpty == window.domain.isEmpty else {
      throw .invalid(
        "nodes", window.nodes, #"names of nodes, or within: {"level": "rack", "domain": "r17"}, one of both"#)
    }
    guard !window.nodes.isEmpty else { return }
    do throws(NodeNames.Problem) {
      _ = try NodeNames.expand(window.nodes)
    } catch {
      throw .invalid("nodes", window.nodes, "names of nodes, e.g. node-3 or node-[7-9,12], at most 65,536")
    }
  }

  private static func moment(_ json: JSON, _ name: String) throws(APIError) -> Instant {
    guard let moment = json[name]?.stringValue.flatMap(Moment.parse) else {
      throw .invalid(name, json[name]?.text ?? "", "a moment with its zone, e.g. 2026-12-01T08:00:00Z")
    }
    return moment
  }
}

extension Maintenance {
  func json(now: Instant) -> JSON {
    let state = now < from ? "planned" : now < to ? "active" : "over"
    return [
      "id": .int(id), "state": .string(state), "from": .time(from), "to": .time(to),
      "nodes": nodes.isEmpty ? .null : .string(nodes),
      "within": level.isEmpty ? .null : ["level": .string(level), "domain": .string(domain)],
      "reason": .string(reason),
    ]
  }
}
