import Testing

@testable import MusterCore

/// What the plan keeps idle for gangs that wait is told, for the accounts.
@Suite struct KeptPlacesTests {
  /// Devices, as told one after the other.
  private static func told(_ fleet: borrowing Fleet) -> [Int32] {
    fleet.controller.fresh.compactMap { fact in
      guard case .placesKept(let kept) = fact.event else { return nil }
      return kept.reduce(0) { $0 + $1.devices }
    }
  }

  @Test("idle nodes that a promise needs are told at once, and what changes at most once a minute")
  func promised() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 10, walltime: .seconds(7200)))
    #expect(Self.told(fleet).isEmpty, "nobody waits")
    let large = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3600)))
    #expect(Self.told(fleet) == [48])
    let long = fleet.submit(Fleet.spec(walltime: .seconds(10_800)))
    #expect(fleet.state(long) == .pending, "it would end behind the start of the large one")
    let short = fleet.submit(Fleet.spec(walltime: .seconds(3600)))
    #expect(fleet.state(short) == .starting && Self.told(fleet) == [48])
    #expect(fleet.controller.nextStart <= fleet.now + .seconds(60))
    fleet.pass(.seconds(59))
    #expect(Self.told(fleet) == [48])
    fleet.pass(.seconds(1))
    #expect(Self.told(fleet) == [48, 40])
    fleet.say(.cancel(large))
    #expect(fleet.state(long) == .starting)
    fleet.pass(.seconds(60))
    #expect(Self.told(fleet) == [48, 40, 0])
    fleet.pass(.seconds(600))
    #expect(Self.told(fleet) == [48, 40, 0], "nothing is new")
  }

  @Test("for a gang that waits for its time or its quota nothing is kept idle")
  func others() {
    var fleet = Fleet()
    fleet.declare("p", "q") { $0.limits.devices = 24 }
    let later = fleet.now + .seconds(3600)
    let early = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3600)) { $0.begin = later })
    var spec = Fleet.spec(nodes: 2, walltime: .seconds(600))
    spec.project = "p"
    let ids = fleet.submit([spec, spec])
    #expect(fleet.state(early) == .pending && fleet.state(ids[0]) == .starting && fleet.kinds(ids[1]) == ["quota"])
    #expect(Self.told(fleet).isEmpty)
  }

  @Test("what a gang gathers is kept for it")
  func gathered() {
    var fleet = Fleet()
    let running = (0..<16).map { _ in fleet.submit(Fleet.spec()) }
    let large = fleet.submit(Fleet.spec(nodes: 8) { $0.within = Within(level: "block") })
    fleet.pass(.seconds(7200))
    #expect(Self.told(fleet).isEmpty, "nothing is idle")
    let first = running.first { fleet.nodes($0) == [0] }
    fleet.end(first ?? running[0])
    #expect(fleet.state(large) == .pending && Self.told(fleet) == [8])
  }
}
