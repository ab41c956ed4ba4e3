import MusterCore
import MusterProtocol

/// The pretend fleet: nodes of one kind or of several, in racks, in whatever lies above them.
///
/// Short form: `nodes: 64`, `devicesPerNode: 8`, and where racks matter `nodesPerRack: 16`. Long form: `levels: [block,
/// rack]`, `counts: [25, 125]` (25 blocks of 125 racks each), `nodesPerRack: 20`, `devicesPerNode: 8`. Of several kinds:
/// `groups:`, a list of either form. Nodes, racks and all above them are numbered through, in the order of the groups.
public struct SimFleet: Hashable, Sendable {
  public private(set) var groups: [SimGroup]
  /// Names of the levels above the nodes, outermost first; empty where only racks, or no places at all, are known.
  public let levels: [String]
  /// Asked for every row of a trace.
  let kinds: [Kind]
  /// The preset of faults that its file names.
  public private(set) var faults: String?
  /// Each once, in the order of the groups; an unnamed type is an empty text.
  public let deviceTypes: [String]

  public init(nodes: Int32, devicesPerNode: Int32, nodesPerRack: Int32 = 0, deviceType: String = "") {
    self.init([
      SimGroup(nodes: nodes, devicesPerNode: devicesPerNode, nodesPerRack: nodesPerRack, deviceType: deviceType)
    ])
  }

  /// - Precondition: at least one group; all that have levels have the same.
  public init(_ groups: [SimGroup]) {
    self.groups = groups
    levels = groups.first { !$0.levels.isEmpty }?.levels ?? []
    kinds = Self.kinds(groups)
    var names: [String] = []
    for group in groups where !names.contains(group.deviceType) { names.append(group.deviceType) }
    deviceTypes = names
    var (node, domains): (Int32, [Int32]) = (0, [])
    for i in groups.indices {
      self.groups[i].firstNode = node
      node += groups[i].nodes
      guard groups[i].nodesPerRack > 0 else { continue }
      let own = groups[i].domainCounts
      if domains.isEmpty { domains = own.map { _ in 0 } }
      self.groups[i].firstDomains = domains
      domains = zip(domains, own).map { $0 + $1 }
    }
  }

  /// Of devices as well: GPU-milliseconds of two hundred years must fit into 64 bits.
  public static let mostNodes: Int64 = 1_000_000

  public init(yaml: [UInt8]) throws(InputErrors) {
    var reader = FieldReader()
    let members = reader.members(try FieldReader.document(yaml), "", known: SimGroup.known + ["groups", "faults"])
    let faults = Self.faults(members["faults"], &reader)
    guard let list = members["groups"] else {
      self.init([SimGroup(members, path: "", &reader)])
      if devices > Self.mostNodes, let given = members["devicesPerNode"] {
        reader.report(given, "devicesPerNode", "no more than \(Self.mostNodes) devices in all")
      }
      try reader.check()
      self.faults = faults
      return
    }
    for name in SimGroup.known {
      if let given = members[name] { reader.report(given, name, "only without groups: each of them says its own") }
    }
    var groups: [SimGroup] = []
    for (i, document) in (reader.elements(list, "groups", of: "groups of nodes") ?? []).enumerated() {
      let members = reader.members(document, "groups[\(i)]", known: SimGroup.known)
      guard !members.isEmpty else { continue }
      let group = SimGroup(members, path: "groups[\(i)].", &reader)
      if let first = groups.firstIndex(where: { $0.nodesPerRack > 0 }), group.nodesPerRack > 0,
        groups[first].levelNames != group.levelNames
      {
        let names = "[\(groups[first].levelNames.joined(separator: ", "))], as in groups[\(first)]"
        if let levels = members["levels"] {
          reader.report(levels, "groups[\(i)].levels", names)
        } else {
          reader.missing("groups[\(i)].levels", names)
        }
      }
      groups.append(group)
    }
    let sum = groups.reduce(Int64(0)) { $0 + max(Int64($1.nodes), $1.devices) }
    if sum > Self.mostNodes { reader.report(list, "groups", "no more than \(Self.mostNodes) devices in all") }
    try reader.check()
    self.init(groups)
    self.faults = faults
  }

  private static func faults(_ given: JobDocument?, _ reader: inout FieldReader) -> String? {
    guard let given, let name = reader.text(given, "faults") else { return nil }
    if FaultModel.preset(name) == nil {
      reader.report(given, "faults", "one of \(FaultModel.presets.map(\.name).joined(separator: ", "))")
    }
    return name
  }

  public var nodes: Int32 { groups.reduce(0) { $0 + $1.nodes } }
  public var devices: Int64 { groups.reduce(0) { $0 + $1.devices } }
  public var racks: Int32 { groups.reduce(0) { $0 + $1.racks } }

  /// Nodes of one type with the same number of devices, wherever they stand.
  struct Kind: Hashable, Sendable {
    var deviceType: String
    var devicesPerNode: Int32
    var nodes: Int32

    /// Behind a number of nodes.
    var suffix: String { deviceType.isEmpty ? " with \(devicesPerNode) devices" : " with \(deviceType)" }
  }

  /// Those with most devices in all come first, of equal ones the first named.
  private static func kinds(_ groups: [SimGroup]) -> [Kind] {
    var kinds: [Kind] = []
    for group in groups {
      let known = kinds.firstIndex {
        $0.deviceType == group.deviceType && $0.devicesPerNode == group.devicesPerNode
      }
      if let known {
        kinds[known].nodes += group.nodes
      } else {
        kinds.append(Kind(deviceType: group.deviceType, devicesPerNode: group.devicesPerNode, nodes: group.nodes))
      }
    }
    func devices(_ kind: Kind) -> Int64 { Int64(kind.nodes) * Int64(kind.devicesPerNode) }
    return kinds.enumerated().sorted { (devices($0.element), $1.offset) > (devices($1.element), $0.offset) }
      .map(\.element)
  }

  /// - Precondition: the fleet has this node.
  func group(of node: Int32) -> SimGroup { groups[groups.lastIndex { $0.firstNode <= node } ?? 0] }

  /// Nodes are numbered rack by rack.
  func nodes(inRack rack: Int32) -> Range<Int32> {
    var rack = rack
    for group in groups {
      if rack < group.racks {
        let first = rack * group.nodesPerRack
        return group.firstNode + first..<group.firstNode + min(group.nodes, first + group.nodesPerRack)
      }
      rack -= group.racks
    }
    return 0..<0
  }

  func name(_ node: Int32) -> String { Self.numbered("n", node, of: nodes) }

  /// Where a node stands, as its agent would say it: `block=b03`, `rack=r0071`. Sorted by key.
  func labels(_ node: Int32) -> [Label] {
    let group = group(of: node)
    guard group.nodesPerRack > 0 else { return [] }
    var domain = (node - group.firstNode) / group.nodesPerRack
    var labels: [Label] = []
    for (i, level) in group.levelNames.enumerated().reversed() {
      let count = groups.reduce(Int32(0)) { $0 + ($1.nodesPerRack > 0 ? $1.domainCounts[i] : 0) }
      labels.append(
        Label(key: level, value: Self.numbered(String(level.prefix(1)), group.firstDomains[i] + domain, of: count)))
      if i > 0 { domain /= group.counts[i] }
    }
    return labels.sorted { $0.key < $1.key }
  }

  /// Numbers have the same width, so that names sort as what they name.
  private static func numbered(_ letter: String, _ index: Int32, of count: Int32) -> String {
    let digits = String(index + 1)
    return letter + String(repeating: "0", count: max(0, String(count).count - digits.count)) + digits
  }
}
