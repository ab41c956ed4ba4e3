import Hummingbird
import MusterCore
import MusterProtocol
import Synchronization

/// `GET /v1/map`: the whole fleet in columns, each as runs. The writer only copies; this makes the answer elsewhere, and
/// gives one that is new enough to all who ask.
final class MapView: Sendable {
  /// An answer serves for so long, unless somebody knows of a newer fact.
  static let freshness = Duration.seconds(1)

  private struct Made {
    var sequence: Int64
    var made: ContinuousClock.Instant
    var body: ByteBuffer
  }
  private struct Layout {
    var names: [String]
    var domains: [[String]]
    var domainOfNode: [[Int32]]
    /// Nodes as they stand.
    var order: [Int32]
    /// The part of the answer that changes only with the layout.
    var head: [UInt8]
  }
  private let made = Mutex<Made?>(nil)
  private let layout = Mutex<Layout?>(nil)

  /// - Parameter after: the answer shows at least what was known at this sequence.
  func answer(_ api: API, after: Int64) async throws -> Response {
    let known = made.withLock { $0 }
    if let known, known.sequence >= after, ContinuousClock.now - known.made < Self.freshness {
      return Self.response(known.body)
    }
    let old = layout.withLock { $0 }
    let asked = ContinuousClock.now
    let (picture, joined) = try await api.perform(.reads) { (state, _) throws(APIError) in
      // A node keeps its name: they are copied only when there are more.
      let isKnown = old?.names.count == state.controller.cluster.nodes.count
      let names = isKnown ? nil : state.controller.cluster.nodeDetails.map(\.joined.name)
      return (state.controller.fleetPicture(), names)
    }
    let body = ByteBuffer(bytes: text(picture, names: joined ?? old?.names ?? [], old))
    let answer = Made(sequence: picture.sequence, made: asked, body: body)
    made.withLock { if ($0?.sequence ?? 0) <= answer.sequence { $0 = answer } }
    return Self.response(body)
  }

  private static func response(_ body: ByteBuffer) -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: body))
  }

  private func text(_ picture: FleetPicture, names: [String], _ old: Layout?) -> [UInt8] {
    var layout: Layout
    if let old, old.names == names, old.domains == picture.domains, old.domainOfNode == picture.domainOfNode {
      layout = old
    } else {
      layout = Layout(
        names: names, domains: picture.domains, domainOfNode: picture.domainOfNode,
        order: picture.order(names: names), head: [])
      layout.head = Self.head(layout, levels: picture.levels)
      let new = layout
      self.layout.withLock { $0 = new }
    }
    var out: [UInt8] = []
    out.reserveCapacity(layout.head.count + 65_536)
    out += #"{"sequence":\#(picture.sequence),"at":"\#(picture.at.rfc3339)","#.utf8
    out += layout.head
    let columns = MapColumns(picture, order: layout.order)
    columns.write(into: &out)
    out += "}\n".utf8
    return out
  }

  /// Levels with their domains, and names: all in the order in which nodes stand.
  private static func head(_ layout: Layout, levels: [String]) -> [UInt8] {
    var out = Array(#""nodes":\#(layout.names.count),"levels":["#.utf8)
    for (level, name) in levels.enumerated() {
      var (names, counts): ([JSON], [JSON]) = ([], [])
      let runs = Runs(layout.order.map { layout.domainOfNode[level][Int($0)] })
      for run in runs.list {
        names.append(.string(layout.domains[level][Int(run.value)]))
        counts.append(JSON(run.count))
      }
      let shown: JSON = ["level": .string(name), "domains": .array(names), "nodes": .array(counts)]
      if level > 0 { out.append(UInt8(ascii: ",")) }
      shown.write(into: &out)
    }
    out += #"],"names":"#.utf8
    JSON.array(NameRun.list(layout.order.map { layout.names[Int($0)] }).map(\.json)).write(into: &out)
    out.append(UInt8(ascii: ","))
    return out
  }
}

extension API {
  func map(_ request: Request) async throws -> Response {
    try await map.answer(self, after: API.number(request, "after", default: 0, in: 0...Int64.max))
  }
}
