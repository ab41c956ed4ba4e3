import MusterDevices
import Testing

@testable import MusterInsight

@Suite struct IdlePolicyTests {
  private static var rules: IdleRules {
    var rules = IdleRules()
    (rules.warnAfter, rules.cancelAfter) = (3_600, 7_200)
    return rules
  }

  private static func job(warnedAt: Int64? = nil) -> IdlePolicy.Job {
    IdlePolicy.Job(project: "vision", devicesAsked: 2, startedAt: World.start, warnedAt: warnedAt)
  }

  private static func decide(
    _ rules: IdleRules = rules, _ job: IdlePolicy.Job = job(), _ loads: [Load] = [.idle, .idle], hours: Double,
    later: Int64 = 0
  ) -> IdlePolicy.Decision {
    let now = World.start + Int64(hours * 3_600_000) + later
    return IdlePolicy.decide(rules, job, World.devices(loads, hours: hours), now: now)
  }

  @Test("an idle job is warned at its time, and not before")
  func warns() {
    #expect(Self.decide(hours: 0.98) == .nothing)
    #expect(
      Self.decide(hours: 1)
        == .warn("none of its 2 GPUs was used for 60 min; it is cancelled in 60 min if that stays so"))
  }

  @Test("it is cancelled when the time since the warning has passed, too")
  func cancels() {
    let warned = Self.job(warnedAt: World.start + World.hour)
    #expect(Self.decide(Self.rules, warned, hours: 1.98) == .nothing)
    #expect(
      Self.decide(Self.rules, warned, hours: 2)
        == .cancel("none of its 2 GPUs was used for 2 h (idle.cancelAfter is 2 h)"))
    let late = Self.job(warnedAt: World.start + 2 * World.hour)
    #expect(Self.decide(Self.rules, late, hours: 2.5) == .nothing)
    #expect(Self.decide(Self.rules, late, hours: 3) != .nothing)
  }

  @Test("off without a time; never cancelled without one")
  func off() {
    #expect(Self.decide(IdleRules(), hours: 5) == .nothing)
    var rules = Self.rules
    rules.cancelAfter = nil
    #expect(Self.decide(rules, Self.job(warnedAt: World.start), hours: 5) == .nothing)
    #expect(Self.decide(rules, hours: 1) == .warn("none of its 2 GPUs was used for 60 min"))
  }

  @Test("what is known of less than the whole job, or of another time, decides nothing")
  func unknown() {
    #expect(IdlePolicy.decide(Self.rules, Self.job(), nil, now: World.start + 5 * World.hour) == .nothing)
    #expect(Self.decide(Self.rules, Self.job(), [.idle], hours: 5) == .nothing, "one of two devices is measured")
    #expect(Self.decide(Self.rules, Self.job(), [.idle, .matrices], hours: 5) == .nothing)
    #expect(Self.decide(Self.rules, Self.job(), [.dark, .dark], hours: 5) == .nothing)
    #expect(Self.decide(Self.rules, Self.job(), [.dark, .idle], hours: 5) == .nothing)
    #expect(Self.decide(hours: 5, later: 121_000) == .nothing, "the counters are old")
    var early = Self.job()
    early.startedAt -= 2 * World.hour
    #expect(Self.decide(Self.rules, early, hours: 5) == .nothing, "two hours were not seen")
  }

  @Test("one that starts has its hour")
  func starting() {
    var rules = Self.rules
    rules.warnAfter = 1_800
    #expect(Self.decide(rules, Self.job(), [.starting, .starting], hours: 0.9) == .nothing)
    #expect(Self.decide(rules, Self.job(), [.idle, .idle], hours: 0.9) != .nothing)
    #expect(Self.decide(rules, Self.job(), [.starting, .starting], hours: 1) != .nothing)
  }

  @Test("exempt projects and large jobs are left alone")
  func exempt() {
    var rules = Self.rules
    rules.exemptProjects = ["vision"]
    #expect(Self.decide(rules, hours: 5) == .nothing)
    rules = Self.rules
    rules.exemptDevicesAtLeast = 2
    #expect(Self.decide(rules, hours: 5) == .nothing)
    rules.exemptDevicesAtLeast = 3
    #expect(Self.decide(rules, hours: 5) != .nothing)
  }
}
