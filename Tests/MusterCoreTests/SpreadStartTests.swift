import Testing

@testable import MusterCore

/// The start that is told to a gang with a spread: where its nodes may lie, and when.
@Suite struct SpreadStartTests {
  private static func spread(
    nodes: Int32, _ level: String, atMost: Int32, walltime: Span? = nil, _ change: (inout Wishes) -> Void = { _ in }
  ) -> JobSpec {
    Fleet.spec(nodes: nodes, walltime: walltime) { wishes in
      wishes.spread = Spread(level: level, atMost: atMost)
      change(&wishes)
    }
  }

  @Test("the start that is told is one at which its spread has its nodes")
  func told() {
    var fleet = Fleet()
    // Two racks are free in an hour, the others in five.
    let hour = Span.seconds(3600)
    _ = fleet.submit(Fleet.spec(nodes: 8, walltime: hour) { $0.constraint = [LabelRule(key: "block", value: "b0")] })
    _ = fleet.submit(
      Fleet.spec(nodes: 8, walltime: .seconds(5 * 3600)) { $0.constraint = [LabelRule(key: "block", value: "b1")] })
    func hours(_ job: JobID, _ fleet: borrowing Fleet) -> Int64? {
      fleet.waiting(job).start.map { ($0 - fleet.now).milliseconds / 3_600_000 }
    }
    let two = fleet.submit(Self.spread(nodes: 2, "rack", atMost: 1, walltime: hour))
    let three = fleet.submit(Self.spread(nodes: 3, "rack", atMost: 1, walltime: hour))
    #expect(hours(two, fleet) == 1 && hours(three, fleet) == 5)
  }

  @Test("it does not recede while smaller jobs keep coming, and then it starts", arguments: 1...8)
  func recedes(seed: Int) {
    var dice = SeededDice(seed)
    var fleet = Fleet()
    var running: [(job: JobID, end: Instant)] = []
    func submit(_ fleet: inout Fleet) {
      let seconds = Int64(dice.draw(10...120)) * 60
      running.append((fleet.submit(Fleet.spec(walltime: .seconds(seconds))), .never))
    }
    for _ in 0..<16 { submit(&fleet) }
    let job = fleet.submit(Self.spread(nodes: 8, "rack", atMost: 2, walltime: .seconds(3_000)))
    var promised = fleet.waiting(job).start ?? .never
    #expect(promised < .never)
    for _ in 0..<200 where fleet.state(job) == .pending {
      submit(&fleet)
      fleet.pass(.seconds(60))
      for (i, (small, end)) in running.enumerated().reversed() {
        guard fleet.state(small) == .starting || fleet.state(small) == .stopping else { continue }
        if end == .never, let slot = fleet.controller.cluster.slot(of: small) {
          running[i].end = fleet.controller.plannedEnd(fleet.controller.cluster.jobs[slot].latestAttempt)
        } else if end <= fleet.now {
          fleet.end(small)
        }
      }
      guard fleet.state(job) == .pending else { break }
      let start = fleet.waiting(job).start ?? .never
      #expect(start <= promised, "it recedes from \(promised.rfc3339) to \(start.rfc3339)")
      promised = min(promised, start)
    }
    #expect(fleet.state(job) == .starting)
    let racks = fleet.nodes(job).map { $0 / 4 }
    #expect((Int32(0)..<4).allSatisfy { rack in racks.count { $0 == rack } == 2 })
  }

  @Test("without walltimes it gathers nodes where its spread wants them, as one does that is alone on its nodes")
  func gathers() {
    let jobs = [
      Self.spread(nodes: 8, "rack", atMost: 2), Fleet.spec(nodes: 8) { $0.isExclusive = true },
      Fleet.spec(nodes: 4) { $0.constraint = [LabelRule(key: "rack", value: "r2")] },
    ]
    for spec in jobs {
      var fleet = Fleet()
      let running = (0..<16).map { _ in fleet.submit(Fleet.spec()) }
      let large = fleet.submit(spec)
      let overtaken = fleet.overtaken(large, by: running, at: 120)
      #expect(fleet.state(large) == .starting && overtaken >= 10, "\(spec.wishes)")
    }
  }

  @Test("a role with a spread starts with the others when all of them fit")
  func role() {
    var fleet = Fleet()
    let first = fleet.submit(Fleet.spec(nodes: 15, walltime: .seconds(3600)))
    var spec = RolesTests.spec([(3, 8), (4, 8)], walltime: .seconds(3600))
    spec.further[0].wishes.spread = Spread(level: "rack", atMost: 1)
    let job = fleet.submit(spec)
    let start = fleet.waiting(job).start
    #expect(start != nil)
    fleet.pass(.seconds(3700))
    fleet.end(first)
    #expect(fleet.state(job) == .starting)
  }
}
