import MusterCore
import MusterProtocol

/// The pretend fleet: nodes of one kind, in racks, in whatever lies above them.
///
/// Short form: `nodes: 64`, `devicesPerNode: 8`, and where racks matter `nodesPerRack: 16`. Long form: `levels: [block,
/// rack]`, `counts: [25, 125]` (25 blocks of 125 racks each), `nodesPerRack: 20`, `devicesPerNode: 8`.
public struct SimFleet: Hashable, Sendable {
  public var nodes: Int32
  public var devicesPerNode: Int32
  /// 0: nothing is known of racks.
  public var nodesPerRack: Int32
  public var deviceType: String
  /// Names of the levels above the nodes, outermost first; empty in the short form.
  public var levels: [String]
  /// How many of each level lie in one of the level before.
  public var counts: [Int32]

  public init(nodes: Int32, devicesPerNode: Int32, nodesPerRack: Int32 = 0, deviceType: String = "") {
    self.nodes = nodes
    self.devicesPerNode = devicesPerNode
    self.nodesPerRack = nodesPerRack
    self.deviceType = deviceType
    levels = []
    counts = []
  }

  /// Of devices as well: GPU-milliseconds of two hundred years must fit into 64 bits.
  public static let mostNodes: Int64 = 1_000_000
  private static let known = ["nodes", "devicesPerNode", "nodesPerRack", "deviceType", "levels", "counts"]

  public init(yaml: [UInt8]) throws(InputErrors) {
    var reader = FieldReader()
    let members = reader.members(try FieldReader.document(yaml), "", known: Self.known)
    self.init(nodes: 0, devicesPerNode: 0)
    nodes = Int32(reader.integer(members["nodes"], "nodes", 1...Self.mostNodes) ?? 0)
    devicesPerNode = Int32(reader.integer(members["devicesPerNode"], "devicesPerNode", 1...64) ?? 0)
    nodesPerRack = Int32(reader.integer(members["nodesPerRack"], "nodesPerRack", 1...Self.mostNodes) ?? 0)
    deviceType = reader.text(members["deviceType"], "deviceType") ?? ""
    if members["devicesPerNode"] == nil { reader.missing("devicesPerNode", "how many devices a node has, 1 to 64") }
    if let names = members["levels"] {
      readLevels(names, members, &reader)
    } else {
      if let counts = members["counts"] { reader.report(counts, "counts", "only beside levels") }
      if members["nodes"] == nil { reader.missing("nodes", "how many nodes, or levels, counts and nodesPerRack") }
    }
    if devices > Self.mostNodes, let given = members["devicesPerNode"] {
      reader.report(given, "devicesPerNode", "no more than \(Self.mostNodes) devices in all")
    }
    try reader.check()
  }

  private mutating func readLevels(
    _ names: JobDocument, _ members: [String: JobDocument], _ reader: inout FieldReader
  ) {
    for (i, name) in (reader.elements(names, "levels", of: "names, outermost first") ?? []).enumerated() {
      if let text = reader.text(name, "levels[\(i)]") { levels.append(text) }
    }
    guard let given = members["counts"] else { return reader.missing("counts", "one number for each level") }
    for (i, count) in (reader.elements(given, "counts", of: "numbers, one for each level") ?? []).enumerated() {
      if let number = reader.integer(count, "counts[\(i)]", 1...Self.mostNodes) { counts.append(Int32(number)) }
    }
    if members["nodesPerRack"] == nil { reader.missing("nodesPerRack", "nodes of one of the innermost level") }
    if counts.count != levels.count { return reader.report(given, "counts", "\(levels.count) numbers, one a level") }
    var product = Int64(nodesPerRack)
    for count in counts { product = min(product * Int64(count), Self.mostNodes + 1) }
    if product > Self.mostNodes { return reader.report(given, "counts", "at most \(Self.mostNodes) nodes in all") }
    if let written = members["nodes"], Int64(nodes) != product {
      reader.report(written, "nodes", "\(product), what counts and nodesPerRack come to, or left out")
    }
    nodes = Int32(product)
  }

  public var devices: Int64 { Int64(nodes) * Int64(devicesPerNode) }
  public var racks: Int32 { nodesPerRack == 0 ? 0 : (nodes + nodesPerRack - 1) / nodesPerRack }

  /// Nodes are numbered rack by rack.
  func nodes(inRack rack: Int32) -> Range<Int32> { rack * nodesPerRack..<min(nodes, (rack + 1) * nodesPerRack) }

  func name(_ node: Int32) -> String { Self.numbered("n", node, of: nodes) }

  /// Where a node stands, as its agent would say it: `block=b03`, `rack=r0071`. Sorted by key.
  func labels(_ node: Int32) -> [Label] {
    guard nodesPerRack > 0 else { return [] }
    var (domain, count) = (node / nodesPerRack, racks)
    var labels: [Label] = []
    for (i, level) in (levels.isEmpty ? ["rack"] : levels).enumerated().reversed() {
      labels.append(Label(key: level, value: Self.numbered(String(level.prefix(1)), domain, of: count)))
      guard i > 0 else { break }
      domain /= counts[i]
      count /= counts[i]
    }
    return labels.sorted { $0.key < $1.key }
  }

  /// Numbers have the same width, so that names sort as what they name.
  private static func numbered(_ letter: String, _ index: Int32, of count: Int32) -> String {
    let digits = String(index + 1)
    return letter + String(repeating: "0", count: max(0, String(count).count - digits.count)) + digits
  }
}
