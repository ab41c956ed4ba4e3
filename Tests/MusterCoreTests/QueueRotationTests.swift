import Testing

@testable import MusterCore

/// A queue that is longer than a round looks at: here 8 gangs, 6 of them the first ones.
@Suite struct QueueRotationTests {
  private static func fleet(hasProjects: Bool = false, blocks: Bool = false) -> Fleet {
    var fleet = Fleet(mode: PlanningMode(blocksAtHead: blocks, depth: 8))
    if hasProjects { fleet.declare("default", "other") { $0.weight = 2 } }
    _ = fleet.submit(Fleet.spec(nodes: 15))
    return fleet
  }

  @Test(
    "behind any number of gangs that are blocked, one that fits at once starts", arguments: [false, true])
  func starts(hasProjects: Bool) {
    var fleet = Self.fleet(hasProjects: hasProjects)
    let blocked = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 41))
    let small = fleet.submit(Fleet.spec())
    #expect(fleet.state(small) == .starting && blocked.allSatisfy { fleet.state($0) == .pending })
    #expect(fleet.waiting(blocked[0]).causes[0].kind == "nodesBusy")
    let behind = blocked.filter { fleet.controller.lastPlan?.entries[$0] == nil }
    #expect(behind.count >= 33 && behind.allSatisfy { fleet.kinds($0) == ["priority"] })
  }

  @Test("where the head blocks, nobody behind it has a turn")
  func fifo() {
    var fleet = Self.fleet(blocks: true)
    _ = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 41))
    #expect(fleet.state(fleet.submit(Fleet.spec())) == .pending)
  }

  @Test(
    "the first ones are in every round, the others have one turn each; then nothing is looked at until something changes"
  )
  func turns() {
    var fleet = Self.fleet()
    let jobs = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 20))
    func cycle(_ fleet: inout Fleet) -> [[JobID]] {
      var rounds: [[JobID]] = []
      while let input = fleet.controller.takePlanningInput() {
        rounds.append(input.jobs.map(\.id))
        _ = fleet.controller.handle(.commitPlan(fleet.scheduler.plan(input)), now: fleet.now)
      }
      return rounds
    }
    #expect(cycle(&fleet).isEmpty)
    fleet.controller.isPlanOld = true
    let rounds = cycle(&fleet)
    #expect(rounds.allSatisfy { $0.prefix(6) == jobs.prefix(6) && $0.count <= 8 })
    let behind = rounds.flatMap { $0.dropFirst(6) }
    #expect(behind.sorted() == Array(jobs.dropFirst(6)))
    // The next cycle goes on where this one ended, also when something changes in the middle of it.
    fleet.controller.isPlanOld = true
    let next = fleet.controller.takePlanningInput()?.jobs.map(\.id).dropFirst(6) ?? []
    fleet.controller.isPlanOld = true
    let afterThat = fleet.controller.takePlanningInput()?.jobs.map(\.id).dropFirst(6) ?? []
    #expect(next.count == 2 && afterThat.count == 2 && Set(next).isDisjoint(with: afterThat))
  }

  @Test("a queue that is no longer than a round is looked at as a whole, in its order")
  func short() {
    var fleet = Self.fleet()
    let jobs = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 8))
    #expect(fleet.controller.lastPlan?.jobs.map(\.id) == jobs && !fleet.controller.wantsPlan)
  }
}
