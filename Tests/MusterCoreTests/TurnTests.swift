import Testing

@testable import MusterCore

/// Long jobs give way to short ones of their own priority, at a checkpoint, and nobody is sent round in circles.
@Suite struct TurnTests {
  private static let mode = PlanningMode(reservations: 1, preemptions: 16, turns: .standard)

  /// Jobs that hold the whole fleet and run; those of `saving` have just had a checkpoint.
  private static func run(_ fleet: inout Fleet, _ specs: [JobSpec], for time: Span, saving: Set<Int>) -> [JobID] {
    let jobs = fleet.submit(specs)
    for state: ShimReport.State in [.prepared, .running] { for job in jobs { fleet.tell(job, state) } }
    fleet.pass(time)
    for (i, job) in jobs.enumerated() where saving.contains(i) { checkpoint(job, &fleet) }
    return jobs
  }

  private static func checkpoint(_ job: JobID, _ fleet: inout Fleet) {
    guard let slot = fleet.controller.cluster.slot(of: job) else { return }
    let attempt = AttemptID(job: job, number: fleet.controller.cluster.jobs[slot].attempt)
    fleet.controller.note(.checkpointCommitted(attempt: attempt, step: 100))
  }

  private static func spec(nodes: Int32, hours: Int64) -> JobSpec {
    Fleet.spec(nodes: nodes, walltime: .seconds(hours * 3600))
  }

  @Test("who saves its work and has had its turn gives way to a shorter job that is no smaller, and comes back")
  func givesWay() {
    var fleet = Fleet(mode: Self.mode)
    let long = Self.run(
      &fleet, Array(repeating: Self.spec(nodes: 4, hours: 100), count: 4), for: .seconds(7200), saving: [2])
    let short = fleet.submit(Self.spec(nodes: 4, hours: 2))
    #expect(long.map { fleet.state($0) } == [.running, .running, .stopping, .running])
    let places = fleet.nodes(long[2])
    fleet.tell(long[2], .stopped)
    #expect(fleet.state(short) == .starting && fleet.nodes(short) == places)
    // It has its place again before anybody who came later.
    let later = fleet.submit(Self.spec(nodes: 4, hours: 2))
    fleet.end(short)
    #expect(fleet.state(long[2]) == .starting && fleet.state(later) == .pending)
    // Not at once again, and then only from a new checkpoint on.
    fleet.tell(long[2], .prepared)
    fleet.tell(long[2], .running)
    fleet.pass(.seconds(60))
    #expect(fleet.state(long[2]) == .running)
    fleet.pass(.seconds(600))
    #expect(fleet.state(long[2]) == .stopping)
  }

  @Test("nobody gives way without checkpoints, before its first turn, to a longer job, or to a smaller one")
  func stays() {
    // What has run for so long, whether it saves, and what comes then.
    let cases: [(ran: Int64, saves: Bool, nodes: Int32, hours: Int64?, givesWay: Bool)] = [
      (7200, true, 16, 2, true), (7200, false, 16, 2, false), (3000, true, 16, 1, false), (7200, true, 16, 3, false),
      (7200, true, 15, 2, false), (7200, true, 16, nil, false),
    ]
    for each in cases {
      var fleet = Fleet(mode: Self.mode)
      let long = Self.run(
        &fleet, [Self.spec(nodes: 16, hours: 100)], for: .seconds(each.ran), saving: each.saves ? [0] : [])[0]
      _ = fleet.submit(Fleet.spec(nodes: each.nodes, walltime: each.hours.map { .seconds($0 * 3600) }))
      #expect((fleet.state(long) == .stopping) == each.givesWay, "\(each)")
    }
  }

  @Test("a mode without turns takes nobody's place of the same priority")
  func withoutTurns() {
    var fleet = Fleet()
    let long = Self.run(&fleet, [Self.spec(nodes: 16, hours: 100)], for: .seconds(7200), saving: [0])[0]
    _ = fleet.submit(Self.spec(nodes: 16, hours: 1))
    #expect(fleet.state(long) == .running)
  }

  @Test("why no controller has turns: a start that was told moves back for a job that came later")
  func promise() throws {
    for mode in [PlanningMode.all, PlanningMode(preemptions: 16, turns: .standard)] {
      var fleet = Fleet(mode: mode)
      let long = Self.run(&fleet, [Self.spec(nodes: 16, hours: 100)], for: .seconds(7200), saving: [0])[0]
      // Longer than the other has run: it takes nobody's place.
      let waits = fleet.submit(Self.spec(nodes: 16, hours: 4))
      let told = try #require(fleet.waiting(waits).start)
      let later = fleet.submit(Self.spec(nodes: 16, hours: 2))
      #expect((fleet.waiting(later).causes.first?.kind == "preempting") == (mode.turns != nil))
      if fleet.state(long) == .stopping { fleet.tell(long, .stopped) }
      let moved = try #require(fleet.waiting(waits).start) - told
      #expect(moved == .zero || mode.turns != nil)
      if mode.turns != nil { #expect(moved >= .seconds(7200)) }
    }
  }

  @Test("nobody waits for others longer than it has run")
  func bound() {
    var fleet = Fleet(mode: Self.mode)
    let long = Self.run(&fleet, [Self.spec(nodes: 16, hours: 100)], for: .seconds(7200), saving: [0])[0]
    var (ran, waited) = (Int64(7200), Int64(0))
    // There is always somebody who waits for its place, for an hour.
    for _ in 0..<48 {
      let isRunning = fleet.state(long) == .running
      let short = fleet.submit(Self.spec(nodes: 16, hours: 1))
      if fleet.state(long) == .stopping { fleet.tell(long, .stopped) }
      if fleet.state(short) == .starting {
        #expect(isRunning)
        for state: ShimReport.State in [.prepared, .running] { fleet.tell(short, state) }
        fleet.pass(.seconds(3600))
        waited += 3600
        fleet.tell(short, .stopped)
      } else {
        fleet.say(.cancel(short))
        fleet.pass(.seconds(1800))
        ran += 1800
        Self.checkpoint(long, &fleet)
      }
      if fleet.state(long) == .starting {
        for state: ShimReport.State in [.prepared, .running] { fleet.tell(long, state) }
      }
    }
    #expect(waited > 0 && waited <= ran + 3600, "waited \(waited) s, ran \(ran) s")
  }

  @Test("no drawn jobs can take each other's place in a circle")
  func noCircle() {
    var dice = SeededDice(7)
    for _ in 0..<200 {
      let jobs = (0..<12).map { _ in
        let walltime = dice.draw(1...200)
        // At its end it is over.
        return (devices: Int32(dice.draw(1...4)), walltime: walltime, ran: dice.draw(0...walltime - 1))
      }
      let rule = TurnRule(first: .seconds(5))
      let rights = jobs.map { rule.rights(devices: $0.devices, walltime: .seconds(Int64($0.walltime))) }
      // Whoever takes nobody's place leaves, until all have left or the rest stand in circles.
      var left = Set(jobs.indices)
      while let free = left.first(where: { i in
        !left.contains { $0 != i && rights[i].mayTake(devices: jobs[$0].devices, ran: .seconds(Int64(jobs[$0].ran))) }
      }) {
        left.remove(free)
      }
      #expect(left.isEmpty)
    }
  }
}
