import Testing

@testable import MusterCore

/// The start that is told to the first of those that wait stays true, whatever comes behind it: whole nodes, parts of
/// several nodes, several roles.
@Suite struct PromiseTests {
  private static func draw(_ dice: inout SeededDice) -> JobSpec {
    func devices() -> Int32 { dice.chance(60) ? Int32(dice.draw(1...3)) : 4 }
    var roles: [(nodes: Int32, devices: Int32)] = [(Int32(dice.draw(1...6)), devices())]
    if dice.chance(20) { roles.append((Int32(dice.draw(1...3)), devices())) }
    return RolesTests.spec(roles, walltime: .seconds(Int64(dice.draw(1...16)) * 900 - 100))
  }

  /// All that was started runs, and all that is to stop has stopped.
  private static func obey(_ jobs: [JobID], _ fleet: inout Fleet) {
    for job in jobs where fleet.state(job) == .stopping { fleet.tell(job, .stopped) }
    for job in jobs where fleet.state(job) == .starting {
      for state: ShimReport.State in [.prepared, .running] { fleet.tell(job, state) }
    }
  }

  /// How often the first that waits was told a later start than before.
  private static func moves(seed: Int, planted: PlantedCoreBug?) -> Int {
    var dice = SeededDice(seed)
    var fleet = Fleet(devices: 4, mode: PlanningMode())
    fleet.controller.planted = planted
    var (told, jobs, moves): ([JobID: Instant], [JobID], Int) = ([:], [], 0)
    for _ in 0..<80 {
      if dice.chance(60) {
        jobs.append(fleet.submit(draw(&dice)))
        obey(jobs, &fleet)
      } else {
        for _ in 0..<dice.draw(1...60) {
          fleet.pass(.seconds(30))
          obey(jobs, &fleet)
        }
      }
      guard let first = jobs.first(where: { fleet.state($0) == .pending }) else { continue }
      let start = fleet.waiting(first).start ?? .never
      if let before = told[first], start > before { moves += 1 }
      told[first] = start
    }
    return moves
  }

  @Test("the first that waits starts no later than it was told", arguments: 1...40)
  func first(seed: Int) { #expect(Self.moves(seed: seed, planted: nil) == 0) }

  @Test("what is held for half of its walltime lets others move it")
  func planted() { #expect((1...10).contains { Self.moves(seed: $0, planted: .backfillTooLong) > 0 }) }
}
