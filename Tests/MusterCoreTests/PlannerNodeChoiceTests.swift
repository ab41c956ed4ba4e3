import MusterCore
import Testing

@Suite struct PlannerNodeChoiceTests {
  struct Fleet: FleetView {
    /// nil: out of service.
    var free: [UInt64?]
    var nodeCount: Int { free.count }
    func free(_ node: NodeID) -> UInt64? { free[Int(node.index)] }
    func devices(_ node: NodeID) -> Int32 { 4 }
    func isReady(_ node: NodeID) -> Bool { free[Int(node.index)] != nil }
  }

  /// Two blocks of two racks of four nodes of four devices; node i lies in rack i / 4.
  static func topology() throws -> Topology {
    try .uniform(
      levels: ["block", "rack"], counts: [2, 2], nodesPerLeaf: 4, deviceType: DeviceType(name: "gpu", devicesPerNode: 4)
    )
  }
  static func choice() throws -> NodeChoice {
    NodeChoice(
      topology: try topology(), index: LeafNodeIndex(leafOfNode: (0..<16).map { Int32($0 / 4) }, leafCount: 4),
      nodeCount: 16)
  }
  static func fleet(busy: [Int] = [], out: [Int] = []) -> Fleet {
    Fleet(free: (0..<16).map { out.contains($0) ? nil : busy.contains($0) ? 0b0001 : 0b1111 })
  }
  static func ids(_ places: [Place]?) -> [Int32]? { places?.map(\.node.index) }
  static func nodes(_ numbers: [Int32]) -> [NodeID] { numbers.map { NodeID($0) } }

  @Test("ranks go leaf by leaf, and what is given once is not given again")
  func leafByLeaf() throws {
    var choice = try Self.choice()
    let place = HeldPlace.whole([LeafNodes(leaf: 0, nodes: 2), LeafNodes(leaf: 2, nodes: 2)])
    let fleet = Self.fleet(busy: [1])
    #expect(Self.ids(choice.choose(place, devicesPerNode: 4, in: fleet)) == [0, 2, 8, 9])
    #expect(choice.choose(place, devicesPerNode: 4, in: fleet) == nil, "one node is left in leaf 0")
    let rest = HeldPlace.whole([LeafNodes(leaf: 0, nodes: 1), LeafNodes(leaf: 2, nodes: 2)])
    #expect(Self.ids(choice.choose(rest, devicesPerNode: 4, in: fleet)) == [3, 10, 11], "a refusal takes nothing")
  }

  @Test("healthy nodes of before come first in their leaf, in their old order")
  func previous() throws {
    var choice = try Self.choice()
    let place = HeldPlace.whole([LeafNodes(leaf: 0, nodes: 3)])
    let places = choice.choose(place, devicesPerNode: 4, previous: Self.nodes([3, 9, 2, 1]), in: Self.fleet(out: [2]))
    #expect(Self.ids(places) == [3, 1, 0])
  }

  @Test("gangs of one lane share a node, each with its own devices")
  func parts() throws {
    var choice = try Self.choice()
    let shared = [SharedNode(leaf: 1, node: NodeID(5))]
    let fleet = Self.fleet(busy: [5])
    func part(_ leaf: Int32, _ lane: Int32, _ devices: Int32) -> Place? {
      choice.choose(
        .part(leaf: leaf, lane: lane, devices: devices), devicesPerNode: devices, sharedNodes: shared, in: fleet)?.first
    }
    #expect(part(1, 0, 1) == Place(node: NodeID(5), devices: 0b0001))
    #expect(part(1, 0, 1) == nil)
    #expect(part(0, 1, 1) == Place(node: NodeID(0), devices: 0b0001))
    #expect(part(0, 1, 2) == Place(node: NodeID(0), devices: 0b0110))
    #expect(part(0, 2, 2) == Place(node: NodeID(1), devices: 0b0011))
  }

  @Test("a lost node is replaced from its leaf, then its block, then elsewhere")
  func repairNearest() throws {
    func repaired(busy: [Int], within level: Int? = nil) throws -> [Int32]? {
      var choice = try Self.choice()
      return Self.ids(
        choice.repair(
          previous: Self.nodes([0, 1, 4]), segment: 1, within: level, devicesPerNode: 4,
          in: Self.fleet(busy: busy, out: [1])))
    }
    #expect(try repaired(busy: []) == [0, 2, 4])
    #expect(try repaired(busy: [2, 3]) == [0, 5, 4])
    #expect(try repaired(busy: [2, 3, 5, 6, 7]) == [0, 8, 4])
    #expect(try repaired(busy: [2, 3, 5, 6, 7], within: 0) == nil)
  }

  @Test("several lost at once, a segment moves as a whole where its leaf cannot complete it")
  func repairSegments() throws {
    var choice = try Self.choice()
    let previous = Self.nodes([0, 1, 4, 5, 6, 7])
    let places = choice.repair(
      previous: previous, segment: 2, within: nil, devicesPerNode: 4, in: Self.fleet(out: [1, 4, 7]))
    // Ranks 0 and 1 get a spare of leaf 0; leaf 1 has no spare: one segment takes the other's healthy node or moves.
    #expect(places?.count == 6)
    let leaves = places.map { $0.map { $0.node.index / 4 } } ?? []
    #expect(stride(from: 0, to: leaves.count, by: 2).allSatisfy { leaves[$0] == leaves[$0 + 1] }, "\(leaves)")
    #expect(Set(places?.map(\.node) ?? []).count == 6)
    #expect(Self.ids(places)?.prefix(2) == [0, 2])
  }

  @Test("a whole rack lost: its segments move, the others stay")
  func repairRack() throws {
    var choice = try Self.choice()
    let places = choice.repair(
      previous: Self.nodes([0, 1, 2, 3, 8, 9]), segment: 2, within: nil, devicesPerNode: 4,
      in: Self.fleet(out: [0, 1, 2, 3]))
    #expect(Self.ids(places) == [4, 5, 6, 7, 8, 9])
  }
}
