import Testing

@testable import MusterCore

/// Whatever is asked for and ends: what a round says starts can be named node by node, and at the end nobody is left.
@Suite struct SchedulingPropertyTests {
  private static func draw(_ dice: inout SeededDice) -> JobSpec {
    let (nodes, devices) = (Int32(dice.draw(1...6)), Int32(dice.draw(0...8)))
    let walltime = dice.chance(60) ? Span.seconds(Int64(dice.logUniform(20_000))) : nil
    return Fleet.spec(nodes: nodes, devices: devices, walltime: walltime, priority: Int32(dice.draw(0...2))) { wishes in
      switch dice.draw(0...9) {
      case 0: if nodes % 2 == 0 { wishes.segment = 2 }
      case 1: if nodes <= 4 { wishes.within = Within(level: "rack") }
      case 2: wishes.within = Within(level: "block", isRequired: dice.chance(50))
      case 3: wishes.spread = Spread(level: "rack", atMost: 2)
      case 4: wishes.constraint = [LabelRule(key: "new", value: "yes")]
      case 5: wishes.exclude = ["n\(dice.draw(0...15))", "n\(dice.draw(0...15))"]
      case 6: wishes.isExclusive = true
      default: break
      }
    }
  }

  /// Time passes; what is over its walltime stops when it is told to.
  private static func pass(_ fleet: inout Fleet, _ jobs: [JobID], seconds: Int64) {
    fleet.pass(.seconds(seconds))
    for job in jobs where fleet.state(job) == .stopping { fleet.end(job) }
  }

  @Test("counts become names, and nobody waits for ever", arguments: 1...40)
  func names(seed: Int) {
    var dice = SeededDice(seed)
    // Nobody is stopped for others: what they leave is counted before it is free.
    var fleet = Fleet(mode: PlanningMode())
    var jobs: [JobID] = []
    let hasMaintenance = seed % 2 == 0
    for _ in 0..<60 {
      switch dice.draw(0...5) {
      case 0...2: jobs.append(fleet.submit(Self.draw(&dice)))
      case 3:
        if let job = jobs.first(where: { fleet.state($0) == .starting }) { fleet.end(job) }
      case 4: Self.pass(&fleet, jobs, seconds: Int64(dice.draw(1...3_000)))
      default:
        guard hasMaintenance, dice.chance(40) else { continue }
        let from = fleet.now + .seconds(Int64(dice.draw(0...20_000)))
        let nodes = dice.chance(50) ? "n[\(dice.draw(0...7))-\(dice.draw(8...15))]" : "n\(dice.draw(0...15))"
        fleet.say(
          .addMaintenance(
            Maintenance(id: 0, from: from, to: from + .seconds(Int64(dice.draw(60...9_000))), nodes: nodes)))
      }
      // Without maintenance of single nodes what a round counts is always there, but for those that need particular nodes:
      // another that starts in the same round may have them.
      if !hasMaintenance { #expect(fleet.controller.dropped.allSatisfy { fleet.isParticular($0) }) }
    }
    var rounds = 0
    while jobs.contains(where: { fleet.state($0)?.isFinal == false }), rounds < 2_000 {
      rounds += 1
      if let running = jobs.first(where: { fleet.state($0) == .starting }) {
        fleet.end(running)
      } else {
        Self.pass(&fleet, jobs, seconds: 3_600)
      }
    }
    let left = jobs.filter { fleet.state($0)?.isFinal == false }.map { ($0, fleet.state($0), fleet.waiting($0).causes) }
    #expect(left.isEmpty)
  }
}
