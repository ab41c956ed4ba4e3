import MusterProtocol

/// Nodes of one kind in a pretend fleet.
public struct SimGroup: Hashable, Sendable {
  public var nodes: Int32
  public var devicesPerNode: Int32
  /// 0: nothing is known of racks.
  public var nodesPerRack: Int32
  /// Empty: it has no name.
  public var deviceType: String
  /// Names of the levels above the nodes, outermost first; empty in the short form.
  public var levels: [String] = []
  /// How many of each level lie in one of the level before.
  public var counts: [Int32] = []
  /// Where its numbers begin among those of the whole fleet; the fleet fills them in.
  var firstNode: Int32 = 0
  var firstDomains: [Int32] = []

  static let known = ["nodes", "devicesPerNode", "nodesPerRack", "deviceType", "levels", "counts"]

  public init(nodes: Int32, devicesPerNode: Int32, nodesPerRack: Int32 = 0, deviceType: String = "") {
    self.nodes = nodes
    self.devicesPerNode = devicesPerNode
    self.nodesPerRack = nodesPerRack
    self.deviceType = deviceType
  }

  /// - Parameter path: what stands before the names of its fields in problems.
  init(_ members: [String: JobDocument], path: String, _ reader: inout FieldReader) {
    let most = SimFleet.mostNodes
    self.init(nodes: 0, devicesPerNode: 0)
    nodes = Int32(reader.integer(members["nodes"], path + "nodes", 1...most) ?? 0)
    devicesPerNode = Int32(reader.integer(members["devicesPerNode"], path + "devicesPerNode", 1...64) ?? 0)
    nodesPerRack = Int32(reader.integer(members["nodesPerRack"], path + "nodesPerRack", 1...most) ?? 0)
    deviceType = reader.text(members["deviceType"], path + "deviceType") ?? ""
    if members["devicesPerNode"] == nil {
      reader.missing(path + "devicesPerNode", "how many devices a node has, 1 to 64")
    }
    if let names = members["levels"] {
      readLevels(names, members, path, &reader)
    } else {
      if let counts = members["counts"] { reader.report(counts, path + "counts", "only beside levels") }
      if members["nodes"] == nil {
        reader.missing(path + "nodes", "how many nodes, or levels, counts and nodesPerRack")
      }
    }
  }

  private mutating func readLevels(
    _ names: JobDocument, _ members: [String: JobDocument], _ path: String, _ reader: inout FieldReader
  ) {
    let most = SimFleet.mostNodes
    for (i, name) in (reader.elements(names, path + "levels", of: "names, outermost first") ?? []).enumerated() {
      guard let text = reader.text(name, path + "levels[\(i)]") else { continue }
      if levels.contains(text) { reader.report(name, path + "levels[\(i)]", "another name: each level once") }
      levels.append(text)
    }
    guard let given = members["counts"] else { return reader.missing(path + "counts", "one number for each level") }
    for (i, count) in (reader.elements(given, path + "counts", of: "numbers, one for each level") ?? []).enumerated() {
      if let number = reader.integer(count, path + "counts[\(i)]", 1...most) { counts.append(Int32(number)) }
    }
    if members["nodesPerRack"] == nil { reader.missing(path + "nodesPerRack", "nodes of one of the innermost level") }
    if counts.count != levels.count {
      return reader.report(given, path + "counts", "\(levels.count) numbers, one a level")
    }
    var product = Int64(nodesPerRack)
    for count in counts { product = min(product * Int64(count), most + 1) }
    if product > most { return reader.report(given, path + "counts", "at most \(most) nodes in all") }
    if let written = members["nodes"], Int64(nodes) != product {
      reader.report(written, path + "nodes", "\(product), what counts and nodesPerRack come to, or left out")
    }
    nodes = Int32(product)
  }

  public var devices: Int64 { Int64(nodes) * Int64(devicesPerNode) }
  public var racks: Int32 { nodesPerRack == 0 ? 0 : (nodes + nodesPerRack - 1) / nodesPerRack }
  var levelNames: [String] { levels.isEmpty ? ["rack"] : levels }

  /// Domains of each level, outermost first.
  var domainCounts: [Int32] {
    guard !levels.isEmpty else { return [racks] }
    var product: Int32 = 1
    return counts.map { count in
      product *= count
      return product
    }
  }
}
