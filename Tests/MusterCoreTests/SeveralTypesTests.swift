import Testing

@testable import MusterCore

/// A gang is of one type of device; which of several that it may have, and what it is told.
@Suite struct SeveralTypesTests {
  /// Four racks of four nodes of eight devices: by rack their types. `small`: nodes with four devices beside them, in the
  /// first block and of the first type.
  static func fleet(_ types: [String], small: Int = 0) -> Fleet {
    var fleet = Fleet(types: types)
    for i in 16..<16 + small {
      let labels = [Label(key: "block", value: "b0"), Label(key: "rack", value: "r\(i % 2)")]
      let joined = NodeJoined(
        node: NodeID(Int32(i)), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 4, deviceType: types[0])
      fleet.say(.agentHello(joined, labels: labels, pid: 1))
      fleet.say(.agentReport(node: NodeID(Int32(i)), []))
    }
    return fleet
  }

  private static let both = ["H100", "A100"]

  private static func types(_ job: JobID, _ fleet: borrowing Fleet) -> Set<String> {
    Set(fleet.nodes(job).map { fleet.controller.cluster.nodeDetails[Int($0)].joined.deviceType })
  }

  @Test("a gang that may have several types gets all its nodes of one, the first named that has them")
  func oneType() {
    for (nodes, order, expected) in [
      (Int32(4), ["A100", "H100"], "A100"), (4, ["H100", "A100"], "H100"), (8, [], "A100"),
      (12, ["H100", "A100"], "A100"),
    ] {
      var fleet = Self.fleet(["A100", "A100", "A100", "H100"])
      let job = fleet.submit(Fleet.spec(nodes: nodes) { $0.deviceTypes = order })
      #expect(fleet.state(job) == .starting && Self.types(job, fleet) == [expected], "\(nodes) of \(order)")
    }
    // Parts of nodes, and nodes of its own choice, too.
    var fleet = Self.fleet(["A100", "A100", "A100", "H100"])
    let parts = fleet.submit(Fleet.spec(nodes: 4, devices: 2) { $0.deviceTypes = ["H100", "A100"] })
    #expect(Self.types(parts, fleet) == ["H100"])
    let chosen = fleet.submit(
      Fleet.spec(nodes: 4) { wishes in
        wishes.deviceTypes = ["H100", "A100"]
        wishes.exclude = ["n0"]
      })
    #expect(fleet.state(chosen) == .starting && Self.types(chosen, fleet) == ["A100"])
    let alone = fleet.submit(
      Fleet.spec(nodes: 6, devices: 4) { wishes in
        wishes.deviceTypes = ["H100", "A100"]
        wishes.isExclusive = true
      })
    #expect(Self.types(alone, fleet) == ["A100"])
  }

  @Test("nodes of several types that would do together alone are no place: it is refused with the numbers of each")
  func refused() {
    for types in [Self.both, []] {
      var fleet = Self.fleet(["H100", "H100", "A100", "A100"])
      let spec = Fleet.spec(nodes: 9) { $0.deviceTypes = types }
      guard case .refused(.impossible(_, let why)) = fleet.say(.submit([spec], key: "", requestHash: 0)) else {
        Issue.record("it is taken")
        continue
      }
      #expect(why.contains("8 with H100") && why.contains("8 with A100"), "\(why)")
    }
  }

  @Test("a gang is not overtaken for ever by smaller jobs where no type has enough free nodes at once")
  func starves() {
    var fleet = Self.fleet(["H100", "H100", "A100", "A100"])
    let running = (0..<16).map { _ in fleet.submit(Fleet.spec()) }
    let large = fleet.submit(Fleet.spec(nodes: 6) { $0.deviceTypes = Self.both })
    _ = fleet.overtaken(large, by: running, at: 80)
    #expect(fleet.state(large) == .starting && Self.types(large, fleet).count == 1)
  }

  @Test("nodes of one type with other numbers of devices are as good: its start is told, held, and does not recede")
  func sizes() {
    var fleet = Self.fleet(["H100", "A100", "A100", "A100"], small: 4)
    var running: [(job: JobID, end: Instant)] = []
    func submit(_ fleet: inout Fleet, _ seconds: Int64) {
      let spec = Fleet.spec(devices: 4, walltime: .seconds(seconds)) { wishes in
        wishes.deviceTypes = ["H100"]
        wishes.isExclusive = true
      }
      running.append((fleet.submit(spec), fleet.now + .seconds(seconds)))
    }
    for i in 0..<8 { submit(&fleet, 3_600 + 300 * Int64(i)) }
    let large = fleet.submit(Fleet.spec(nodes: 6, devices: 4, walltime: .seconds(3_600)) { $0.deviceTypes = ["H100"] })
    var promised = fleet.waiting(large).start ?? .never
    #expect(promised < .never)
    for _ in 0..<60 where fleet.state(large) == .pending {
      submit(&fleet, 3_600)
      for (job, end) in running where end <= fleet.now { fleet.end(job) }
      running.removeAll { $0.end <= fleet.now }
      fleet.pass(.seconds(150))
      guard fleet.state(large) == .pending else { break }
      let start = fleet.waiting(large).start ?? .never
      #expect(start <= promised)
      promised = min(promised, start)
    }
    #expect(fleet.state(large) == .starting && Set(fleet.nodes(large).map { $0 < 16 }).count == 2)
  }

  @Test("without walltimes it gathers nodes of one type with any number of devices")
  func sizesGather() {
    var fleet = Self.fleet(["H100", "A100", "A100", "A100"], small: 4)
    func spec() -> JobSpec {
      Fleet.spec(devices: 4) { wishes in
        wishes.deviceTypes = ["H100"]
        wishes.isExclusive = true
      }
    }
    var running = (0..<8).map { _ in fleet.submit(spec()) }
    let large = fleet.submit(Fleet.spec(nodes: 6, devices: 4) { $0.deviceTypes = ["H100"] })
    for _ in 0..<60 where fleet.state(large) == .pending && !running.isEmpty {
      fleet.pass(.seconds(600))
      let small = fleet.submit(spec())
      fleet.end(running.removeFirst())
      if fleet.state(small) == .starting { running.append(small) }
    }
    #expect(fleet.state(large) == .starting)
  }

  @Test("of one type with several numbers of devices it takes others' places together")
  func sizesPreempt() {
    var fleet = Self.fleet(["H100", "A100", "A100", "A100"], small: 4)
    let low = fleet.submit(
      (0..<8).map { _ in
        Fleet.spec(devices: 4) { wishes in
          wishes.deviceTypes = ["H100"]
          wishes.isExclusive = true
        }
      })
    let job = fleet.submit(Fleet.spec(nodes: 6, devices: 4, priority: 10) { $0.deviceTypes = ["H100"] })
    let stopped = low.filter { fleet.state($0) == .stopping }
    #expect(stopped.count == 6 && fleet.kinds(job) == ["preempting"])
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting)
  }
}
