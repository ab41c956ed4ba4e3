import MusterCore

/// How a job's ranks behave, drawn once from its number.
struct Script: Sendable {
  enum Fate: Sendable, CaseIterable {
    case finishes, exits, killed, outOfMemory, hangs, cannotStart, failsOnce
  }
  var fate: Fate
  var steps: Int64
  var failAt: Int64
  var checkpointEvery: Int64
  var stepTime: Int64  // ms

  init(job: Int64, seed: UInt64) {
    var chance = Chance(seed: seed, purpose: UInt64(job) &+ 1000)
    let draw = chance.below(100)
    fate =
      draw < 55
      ? .finishes
      : draw < 62
        ? .exits
        : draw < 69 ? .killed : draw < 75 ? .outOfMemory : draw < 83 ? .hangs : draw < 87 ? .cannotStart : .failsOnce
    steps = chance.between(5, 60)
    // A rank that hangs before its first word is never watched: nothing is required of a job.
    failAt = fate == .hangs ? chance.between(4, max(4, steps)) : chance.between(1, steps)
    checkpointEvery = chance.hits(600) ? chance.between(3, 15) : 0
    stepTime = chance.between(50, 900)
  }

  func failsNow(attempt: Int32, step: Int64) -> Bool {
    guard step >= failAt else { return false }
    switch fate {
    case .exits, .killed, .outOfMemory: return true
    case .failsOnce, .hangs: return attempt == 1
    case .finishes, .cannotStart: return false
    }
  }
}

/// A pretend shim: keeps the link protocol, runs pretend ranks. Times in virtual nanoseconds.
struct SimShim: Sendable {
  let launch: Controller.Launch
  let node: Int
  let script: Script
  var state = ShimReport.State.preparing
  var problem: ShimReport.Problem?
  var ranks: [RankReport]
  var beat: Int64 = 0
  var sent: [Int64: Instant] = [:]
  var leaseFrom: Instant
  var startedAt: Instant = .zero
  var step: Int64
  var stepAt: Instant = .zero
  var checkpoint: Int64?
  var killAt: Instant = .never
  var hung = false
  var wantsProbe = false
  var epoch: Int64 = 0

  init(_ launch: Controller.Launch, node: Int, seed: UInt64, now: Instant) {
    self.launch = launch
    self.node = node
    script = Script(job: launch.member.attempt.job.number, seed: seed)
    leaseFrom = now
    step = launch.resumeStep
    ranks = (0..<launch.spec.role.ranksPerNode).map { RankReport(rank: launch.firstRank + $0, state: .waiting) }
  }

  var runs: Bool { ranks.contains { $0.state == .running } }

  mutating func prepare() {
    guard state == .preparing else { return }
    if script.fate == .cannotStart {
      state = .failed
      problem = ShimReport.Problem(code: "executableNotFound", message: "/no/such/program does not exist")
    } else {
      state = .prepared
    }
  }

  mutating func obey(_ order: Controller.Order, renews: Int64?, probe: Bool, epoch: Int64, now: Instant) -> Bool {
    guard epoch >= self.epoch else { return false }
    self.epoch = epoch
    wantsProbe = probe
    if let renews, let at = sent[renews] {
      leaseFrom = max(leaseFrom, at)
      sent = sent.filter { $0.key > renews }
    }
    switch order {
    case .prepare: break
    case .go:
      guard state == .prepared else { break }
      state = .running
      startedAt = now
      stepAt = now
      for i in ranks.indices {
        ranks[i].state = .running
        ranks[i].pid = Int32(1000 + i)
      }
    case .stop(let policy):
      if state == .running || state == .stopping {
        state = .stopping
        killAt = min(killAt, now + min(policy.grace, .milliseconds(200)))
      } else if state < .running {
        state = .stopped
      }
    case .release: return state == .stopped || state == .failed
    }
    return false
  }

  /// What time brings: steps, faults, the end, the lease. - Returns: whether the controller should hear at once.
  mutating func live(now: Instant, lease: Span) -> Bool {
    let before = state
    if state != .stopped, state != .failed, now - leaseFrom >= lease {
      problem = ShimReport.Problem(code: "leaseExpired", message: "lease")
      kill(at: now)
      state = .stopped
      return true
    }
    if now >= killAt, state == .stopping {
      kill(at: now)
      state = .stopped
    }
    guard state == .running else { return state != before }
    var urgent = false
    while !hung, state == .running, now - stepAt >= .milliseconds(script.stepTime) {
      stepAt = stepAt + .milliseconds(script.stepTime)
      step += 1
      if script.failsNow(attempt: launch.member.attempt.number, step: step), launch.member.index == 0 {
        step -= 1
        fail(now: now)
        urgent = true
      } else if script.checkpointEvery > 0, step % script.checkpointEvery == 0 {
        checkpoint = step
        urgent = true
      }
      if state == .running, step >= script.steps {
        for i in ranks.indices where ranks[i].state == .running { exit(i, code: 0, signal: 0, at: now) }
        state = .stopped
        urgent = true
      }
    }
    return urgent || state != before
  }

  private mutating func fail(now: Instant) {
    switch script.fate {
    case .hangs: hung = true
    case .killed: exit(0, code: 0, signal: 9, at: now)
    case .outOfMemory:
      exit(0, code: 0, signal: 9, at: now)
      ranks[0].outOfMemory = "cgroup v2 memory.events oom_kill 0 -> 1"
    case .exits, .failsOnce, .finishes, .cannotStart: exit(0, code: 3, signal: 0, at: now)
    }
    // The others of this member go on waiting; the shim says so.
    if ranks.allSatisfy({ $0.state == .exited }) { state = .stopped }
  }

  mutating func exit(_ i: Int, code: Int32, signal: Int32, at: Instant) {
    ranks[i].state = .exited
    ranks[i].exitCode = code
    ranks[i].signal = signal
  }

  mutating func kill(at: Instant) {
    for i in ranks.indices where ranks[i].state == .running { exit(i, code: 0, signal: 9, at: at) }
  }

  mutating func report(now: Instant) -> ShimReport {
    beat += 1
    sent[beat] = now
    for i in ranks.indices where ranks[i].state != .waiting {
      ranks[i].step = step > launch.resumeStep ? step : nil
      ranks[i].stepAge = now - stepAt
      ranks[i].checkpoint = i == 0 ? checkpoint : nil
      ranks[i].probe =
        wantsProbe && ranks[i].state == .running
        ? Probe(state: "S", cpuPermille: hung && launch.member.index == 0 ? 990 : 0, syscall: "futex") : nil
    }
    return ShimReport(state: state, problem: problem, port: launch.member.index == 0 ? 29500 : 0, ranks: ranks)
  }
}
