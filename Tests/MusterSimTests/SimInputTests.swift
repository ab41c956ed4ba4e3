import Foundation
import MusterCore
import Testing

@testable import MusterSim

@Suite struct SimInputTests {
  private static func problems(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return []
    } catch let error as InputErrors {
      return error.problems.map { $0.message(file: "f") }
    } catch {
      return ["\(error)"]
    }
  }

  @Test("a fleet has a short form and one with levels")
  func fleet() throws {
    let small = try SimFleet(yaml: SimWorld.bytes("nodes: 64\ndevicesPerNode: 8\n"))
    #expect(small == SimWorld.fleet(64) && small.racks == 0)
    let text = "levels: [block, rack]\ncounts: [25, 125]\nnodesPerRack: 20\ndevicesPerNode: 8\ndeviceType: H100\n"
    let large = try SimFleet(yaml: SimWorld.bytes(text))
    #expect(large.nodes == 62_500 && large.devices == 500_000 && large.racks == 3_125 && large.deviceTypes == ["H100"])
    #expect(large.labels(0).map { "\($0.key)=\($0.value)" } == ["block=b01", "rack=r0001"])
    #expect(large.labels(62_499).map { "\($0.key)=\($0.value)" } == ["block=b25", "rack=r3125"])
    #expect(SimWorld.fleet(5, nodesPerRack: 2).labels(4).map(\.value) == ["r3"] && small.labels(0).isEmpty)
    #expect(large.name(0) == "n00001" && large.name(62_499) == "n62500")
    #expect(SimWorld.fleet(5, nodesPerRack: 2).nodes(inRack: 2) == 4..<5)
  }

  @Test(
    "what is wrong with a fleet is told with its line and what would be right",
    arguments: [
      ("nodes: 0\ndevicesPerNode: 8", "f:1: nodes: 0 (allowed: a whole number from 1 to 1000000)"),
      (
        "nodes: 1000000\ndevicesPerNode: 8",
        "f:2: devicesPerNode: 8 (allowed: no more than 1000000 devices in all)"
      ),
      ("nodes: 4", "f: devicesPerNode: (missing) (allowed: how many devices a node has, 1 to 64)"),
      ("devicesPerNode: 8", "f: nodes: (missing) (allowed: how many nodes, or levels, counts and nodesPerRack)"),
      (
        "nodes: 4\ndevicesPerNode: 8\nracks: 2",
        "f:3: racks: unknown field (allowed: nodes, devicesPerNode, nodesPerRack, deviceType, levels, counts, groups, faults)"
      ),
      (
        "levels: [rack]\ncounts: [2, 3]\nnodesPerRack: 1\ndevicesPerNode: 8",
        "f:2: counts: [...] (allowed: 1 numbers, one a level)"
      ),
      (
        "levels: [rack]\ncounts: [2]\nnodesPerRack: 4\ndevicesPerNode: 8\nnodes: 9",
        "f:5: nodes: 9 (allowed: 8, what counts and nodesPerRack come to, or left out)"
      ),
    ])
  func badFleet(text: String, message: String) {
    #expect(Self.problems { _ = try SimFleet(yaml: SimWorld.bytes(text)) } == [message])
  }

  @Test("groups of nodes are numbered through: nodes, racks and what lies above them")
  func groups() throws {
    let fleet = try SimFleet(
      yaml: SimWorld.bytes(
        """
        groups:
          - {levels: [block, rack], counts: [2, 3], nodesPerRack: 4, devicesPerNode: 8, deviceType: H100}
          - {nodes: 10, devicesPerNode: 4, deviceType: A100}
          - {levels: [block, rack], counts: [1, 2], nodesPerRack: 5, devicesPerNode: 8, deviceType: H100}
        """))
    #expect(fleet.nodes == 44 && fleet.devices == 24 * 8 + 40 + 80 && fleet.racks == 8)
    #expect(fleet.deviceTypes == ["H100", "A100"] && fleet.levels == ["block", "rack"])
    #expect(fleet.kinds.map(\.nodes) == [34, 10])
    func labels(_ node: Int32) -> [String] { fleet.labels(node).map { "\($0.key)=\($0.value)" } }
    #expect(labels(0) == ["block=b1", "rack=r1"] && labels(23) == ["block=b2", "rack=r6"])
    #expect(labels(24).isEmpty && labels(34) == ["block=b3", "rack=r7"] && labels(43) == ["block=b3", "rack=r8"])
    #expect(fleet.nodes(inRack: 5) == 20..<24 && fleet.nodes(inRack: 7) == 39..<44)
    #expect(fleet.group(of: 33).deviceType == "A100" && fleet.group(of: 34).deviceType == "H100")
    let one = try SimFleet(yaml: SimWorld.bytes("groups: [{nodes: 64, devicesPerNode: 8}]"))
    #expect(one == SimWorld.fleet(64))
  }

  @Test(
    "what is wrong with a group is told with its place in the list",
    arguments: [
      (
        "groups: [{nodes: 4}]",
        "f: groups[0].devicesPerNode: (missing) (allowed: how many devices a node has, 1 to 64)"
      ),
      (
        "nodes: 3\ngroups: [{nodes: 4, devicesPerNode: 8}]",
        "f:1: nodes: 3 (allowed: only without groups: each of them says its own)"
      ),
      ("groups: 3", "f:1: groups: 3 (allowed: a list of groups of nodes)"),
      ("groups: []", "f:1: groups: [...] (allowed: a list of groups of nodes)"),
      (
        "groups:\n  - {nodes: 4, devicesPerNode: 65}",
        "f:2: groups[0].devicesPerNode: 65 (allowed: a whole number from 1 to 64)"
      ),
      (
        "groups:\n  - {nodes: 4, devicesPerNode: 8, gpu: H100}",
        "f:2: groups[0].gpu: unknown field (allowed: nodes, devicesPerNode, nodesPerRack, deviceType, levels, counts)"
      ),
      (
        "groups:\n  - {nodes: 4, devicesPerNode: 8, nodesPerRack: 2}\n"
          + "  - {levels: [hall], counts: [2], nodesPerRack: 2, devicesPerNode: 8}",
        "f:3: groups[1].levels: [...] (allowed: [rack], as in groups[0])"
      ),
      (
        "groups:\n  - {levels: [hall], counts: [2], nodesPerRack: 2, devicesPerNode: 8}\n"
          + "  - {nodes: 4, devicesPerNode: 8, nodesPerRack: 2}",
        "f: groups[1].levels: (missing) (allowed: [hall], as in groups[0])"
      ),
      (
        "groups:\n  - {nodes: 100000, devicesPerNode: 8}\n  - {nodes: 100000, devicesPerNode: 8}",
        "f:2: groups: [...] (allowed: no more than 1000000 devices in all)"
      ),
    ])
  func badGroups(text: String, message: String) {
    #expect(Self.problems { _ = try SimFleet(yaml: SimWorld.bytes(text)) } == [message])
  }

  private static let faults = """
    source: a test
    repair: [10m, 1h, 1d]
    kinds:
      - {cause: gpu, per: device, count: 148, days: 884736}
      - {cause: software, per: node, count: 54, days: 110592, takesOut: false}
      - {cause: switch, per: rack, count: 1, days: 1000, repair: [2h]}
    lemons: {perThousandNodes: 10, times: 20}
    """

  @Test("a fault model is read from a file")
  func faultModel() throws {
    let model = try FaultModel(yaml: SimWorld.bytes(Self.faults), name: "mine")
    #expect(model.kinds.map(\.scope) == [.device, .node, .rack] && model.kinds.map(\.takesOut) == [true, false, true])
    #expect(
      model.kinds.map(\.repair) == [[600_000, 3_600_000, 86_400_000], [600_000, 3_600_000, 86_400_000], [7_200_000]])
    #expect(model.lemons == FaultModel.Lemons(perThousandNodes: 10, times: 20) && model.source == "a test")
  }

  @Test("what is wrong with a fault model is told all at once")
  func badFaultModel() {
    let text = """
      repair: [1h, 10m]
      kinds:
        - {cause: gpu, per: socket, count: 1, days: 0}
        - {cause: x, per: node, count: 1, days: 5, repair: [soon]}
      lemons: {times: 0}
      """
    #expect(
      Self.problems { _ = try FaultModel(yaml: SimWorld.bytes(text), name: "mine") } == [
        "f:1: repair[1]: 10m (allowed: no less than the one before)",
        "f:3: kinds[0].per: socket (allowed: device, node, rack)",
        "f:3: kinds[0].days: 0 (allowed: a whole number from 1 to 1000000000000)",
        "f:4: kinds[1].repair[0]: soon (allowed: \(FieldReader.spanRule))",
        "f:5: lemons.times: 0 (allowed: a whole number from 1 to 1000)",
        "f: lemons.perThousandNodes: (missing) (allowed: 0 to 1000)",
      ])
  }

  @Test("Llama 3's preset has the paper's 419 interruptions, and draws about as many in 54 days")
  func llama3() throws {
    let model = try #require(FaultModel.preset("llama3"))
    #expect(model.kinds.reduce(0) { $0 + $1.count } == 419)
    var counts: [Int] = []
    for seed in 1...UInt64(20) {
      var stream = FaultStream(model, fleet: SimWorld.fleet(2_048), seed: seed)
      var (time, count): (Int64, Int) = (0, 0)
      while let next = stream.untilNext(), time + next < 54 * 86_400_000 {
        time += next
        count += 1
      }
      counts.append(count)
    }
    // The mean of 20 has a standard deviation of 4.6.
    let mean = Double(counts.reduce(0, +)) / 20
    #expect(abs(mean - 419) < 20, "\(counts)")
  }

  @Test("repairs of InfiniteHBD have the published median, 90th percentile and mean")
  func repairs() throws {
    let model = try #require(FaultModel.preset("rsc1"))
    var stream = FaultStream(model, fleet: SimWorld.fleet(8), seed: 3)
    let hours = (0..<20_000).map { _ in Double(stream.repairMilliseconds(0)) / 3_600_000 }.sorted()
    #expect(abs(hours[10_000] - 20.4) < 1 && abs(hours[18_000] - 312) < 30)
    #expect(abs(hours.reduce(0, +) / 20_000 - 133) < 8)
  }

  @Test("lemons break as many times as often as is said")
  func lemons() {
    let kind = FaultModel.Kind(cause: "x", scope: .node, count: 1, days: 100, repair: [1000])
    let model = FaultModel(
      name: "m", source: "", kinds: [kind], lemons: FaultModel.Lemons(perThousandNodes: 100, times: 50))
    var stream = FaultStream(model, fleet: SimWorld.fleet(200), seed: 1)
    var counts = [Int](repeating: 0, count: 200)
    for _ in 0..<20_000 { counts[Int(stream.draw().place)] += 1 }
    let sorted = counts.sorted()
    #expect(sorted[199] > 20 * sorted[100] && sorted[100] > 0)
  }

  @Test("faults of devices strike nodes of several kinds by their devices, those of nodes each alike")
  func faultsOfGroups() {
    let fleet = SimFleet([SimGroup(nodes: 50, devicesPerNode: 8), SimGroup(nodes: 50, devicesPerNode: 2)])
    func share(_ scope: FaultModel.Scope) -> Double {
      let kind = FaultModel.Kind(cause: "x", scope: scope, count: 1, days: 100, repair: [1000])
      var stream = FaultStream(FaultModel(name: "m", source: "", kinds: [kind]), fleet: fleet, seed: 1)
      return Double((0..<20_000).count { _ in stream.draw().place < 50 }) / 20_000
    }
    #expect(abs(share(.device) - 0.8) < 0.01 && abs(share(.node) - 0.5) < 0.02)
  }

  @Test("the logarithm is the real one", arguments: [1e-300, 1e-9, 0.1, 0.5, 0.999999, 1, 1.5, 2, 1e9])
  func logarithm(x: Double) {
    let y = naturalLogarithm(x)
    #expect(abs(y - log(x)) <= 1e-14 * max(1, abs(y)))
  }
}
