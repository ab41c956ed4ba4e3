/// How the ranks of a job behave, drawn once from its name.
struct Script: Sendable {
  enum Fate: Sendable {
    case finishes, exits, killed, outOfMemory
    case hangs(Hang)
    case cannotStart, failsOnce
  }
  /// What a rank that no longer steps looks like from outside.
  enum Hang: CaseIterable, Sendable {
    /// SIGSTOP; the others wait for it.
    case stopped
    case busy
    case blocked
    /// The whole gang waits in the same system call: nobody is to blame.
    case allWait
    /// The others go on stepping.
    case alone
  }
  var fate: Fate
  var steps: Int64
  var failAt: Int64
  var checkpointEvery: Int64
  /// Nanoseconds.
  var stepTime: Int64
  var ignoresTerm: Bool

  init(job: Int64, seed: UInt64) {
    var chance = Chance(seed: seed, purpose: UInt64(job) &+ 100_000)
    let draw = chance.below(100)
    let hang = Hang.allCases[chance.below(Hang.allCases.count)]
    fate =
      draw < 58
      ? .finishes
      : draw < 64
        ? .exits
        : draw < 69
          ? .killed : draw < 74 ? .outOfMemory : draw < 82 ? .hangs(hang) : draw < 85 ? .cannotStart : .failsOnce
    steps = chance.between(5, 60)
    failAt = chance.between(1, steps)
    checkpointEvery = chance.hits(600) ? chance.between(2, 10) : 0
    stepTime = chance.between(20, 300) * 1_000_000
    ignoresTerm = chance.hits(150)
    // A rank that hangs before its third step was seen is not watched yet: nothing is required of a job.
    if case .hangs = fate {
      stepTime = chance.between(80, 300) * 1_000_000
      failAt = chance.between(20, 40)
      steps = max(steps, failAt)
    }
  }

  func fails(attempt: Int32) -> Bool {
    switch fate {
    case .exits, .killed, .outOfMemory: true
    case .failsOnce, .hangs: attempt == 1
    case .finishes, .cannotStart: false
    }
  }
}
