import MusterCore
import Testing

@Suite struct PlacementTests {
  struct Fleet: FleetView {
    /// Free devices of each node of 4; nil: out of service.
    var free: [UInt64?]
    var nodeCount: Int { free.count }
    func free(_ node: NodeID) -> UInt64? { free[Int(node.index)] }
    func devices(_ node: NodeID) -> Int32 { 4 }
    func isReady(_ node: NodeID) -> Bool { free[Int(node.index)] != nil }
  }
  static func place(_ nodes: Int32, _ devices: Int32, _ free: [UInt64?], previous: [Int32] = []) -> PlacementAnswer {
    FirstFit.place(
      PlacementRequest(nodes: nodes, devicesPerNode: devices, previous: previous.map { NodeID($0) }),
      in: Fleet(free: free))
  }
  static func p(_ node: Int32, _ devices: UInt64) -> Place { Place(node: NodeID(node), devices: devices) }

  @Test("the first nodes that fit, the lowest free devices of each")
  func firstFit() {
    #expect(Self.place(2, 2, [0b0001, 0b1110, 0b1111]) == .places([Self.p(1, 0b0110), Self.p(2, 0b0011)]))
  }

  @Test("all or none")
  func allOrNone() {
    #expect(Self.place(3, 2, [0b1111, 0b0001, nil]) == .waits(.nodesBusy(needed: 3, fitting: 1, ready: 2, total: 3)))
  }

  @Test("a gang that can never fit is told so")
  func tooLarge() {
    #expect(
      Self.place(4, 1, [0b1111, 0b1111, nil]) == .waits(.fleetTooSmall(needed: 4, capable: 3, devicesPerNode: 1)))
    #expect(Self.place(1, 8, [0b1111]) == .waits(.fleetTooSmall(needed: 1, capable: 0, devicesPerNode: 8)))
  }

  @Test("healthy nodes keep their place in the rank order, the lost one is replaced where it stood")
  func keepsOrder() {
    let answer = Self.place(3, 1, [0b1111, nil, 0b1111, 0b1111], previous: [2, 1, 0])
    #expect(answer == .places([Self.p(2, 1), Self.p(3, 1), Self.p(0, 1)]))
  }

  @Test("a job without devices takes nodes, not devices")
  func noDevices() { #expect(Self.place(2, 0, [0, 0]) == .places([Self.p(0, 0), Self.p(1, 0)])) }

  @Test(
    "names are written as Slurm writes them",
    arguments: [
      (["node-1", "node-2", "node-3"], "node-[1-3]"), (["a"], "a"), (["n1"], "n1"), (["n2", "n1"], "n[2,1]"),
      (["n01", "n02", "x", "n10"], "n[01-02],x,n10"), ([], ""),
    ])
  func nodeLists(names: [String], text: String) { #expect(compactNodeList(names) == text) }
}
