/// What a shim says of the whole present state of its gang member. Not a fact: it lives in `Watch`.
public struct ShimReport: Sendable, Hashable {
  public enum State: UInt8, Sendable, Comparable, CaseIterable {
    case preparing = 0
    case prepared = 1
    case running = 2
    case stopping = 3
    case stopped = 4
    case failed = 5
    public static func < (a: State, b: State) -> Bool { a.rawValue < b.rawValue }
  }
  public var state: State
  public var problem: Problem?
  /// The port that member 0 holds for the gang; 0 if none.
  public var port: Int32
  public var ranks: [RankReport]

  public init(state: State, problem: Problem? = nil, port: Int32 = 0, ranks: [RankReport]) {
    self.state = state
    self.problem = problem
    self.port = port
    self.ranks = ranks
  }

  /// The rank that ended badly before the others here did.
  var firstBadEnd: RankReport? {
    ranks.filter(\.endedBadly).max { ($0.exitedAge ?? .zero) < ($1.exitedAge ?? .zero) }
  }

  /// Why a member cannot start, or was stopped by its shim.
  public struct Problem: Sendable, Hashable {
    /// As in the link protocol: `executableNotFound`, `leaseExpired`, ...
    public var code: String
    public var message: String
    public init(code: String, message: String) {
      self.code = code
      self.message = message
    }
  }
}

public struct RankReport: Sendable, Hashable {
  public enum State: UInt8, Sendable, CaseIterable {
    case waiting = 0
    case running = 1
    case exited = 2
  }
  public var rank: Int32
  /// As the host sees it; 0 before the start.
  public var pid: Int32
  public var state: State
  public var exitCode: Int32
  /// 0 if it was not a signal that ended it.
  public var signal: Int32
  /// Evidence that it ran out of memory; empty if it did not.
  public var outOfMemory: String
  /// How long before this report it exited, by the node's boot-time clock; nil if unknown. An age and not a time: the
  /// clocks of two machines differ, and jump.
  public var exitedAge: Span?
  /// nil until the rank says one.
  public var step: Int64?
  /// How long before this report the step was said.
  public var stepAge: Span
  /// How long before this report the rank said its first step; nil until it has.
  public var firstStepAge: Span?
  /// How many steps it has said in this attempt.
  public var stepsSaid: Int64
  /// The longest time between two of them, from the second on and without a status.
  public var longestStep: Span
  public var loss: String
  public var status: String
  /// In this attempt, so far.
  public var statusTimes = StatusTimes()
  /// How long it has waited for other ranks in this attempt, so far; nil: it does not say.
  public var waited: Span?
  /// How often it has said so; 0: a shim that does not count.
  public var waitsSaid: Int64 = 0
  public var checkpoint: Int64?
  public var probe: Probe?

  public init(
    rank: Int32, pid: Int32 = 0, state: State, exitCode: Int32 = 0, signal: Int32 = 0, outOfMemory: String = "",
    exitedAge: Span? = nil, step: Int64? = nil, stepAge: Span = .zero,
    firstStepAge: Span? = nil, stepsSaid: Int64 = 0, longestStep: Span = .zero, loss: String = "", status: String = "",
    checkpoint: Int64? = nil, probe: Probe? = nil
  ) {
    self.rank = rank
    self.pid = pid
    self.state = state
    self.exitCode = exitCode
    self.signal = signal
    self.outOfMemory = outOfMemory
    self.exitedAge = exitedAge
    self.step = step
    self.stepAge = stepAge
    self.firstStepAge = firstStepAge
    self.stepsSaid = stepsSaid
    self.longestStep = longestStep
    self.loss = loss
    self.status = status
    self.checkpoint = checkpoint
    self.probe = probe
  }

  var endedBadly: Bool { state == .exited && (exitCode != 0 || signal != 0) }
}

/// What a quiet rank is doing, looked at from outside.
public struct Probe: Sendable, Hashable {
  /// As in /proc/PID/stat: R, S, D, T, Z.
  public var state: String
  /// CPU time over wall time since the last look, of the rank's processes: 1000 is one core.
  public var cpuPermille: Int64
  /// The system call that its main thread is in; empty if none or unknown.
  public var syscall: String
  /// What that call's file descriptor is: pipe, socket, file, tty, other; empty if none.
  public var descriptor: String
  public var readBytes: Int64
  public var writtenBytes: Int64

  public init(
    state: String, cpuPermille: Int64, syscall: String = "", descriptor: String = "", readBytes: Int64 = 0,
    writtenBytes: Int64 = 0
  ) {
    self.state = state
    self.cpuPermille = cpuPermille
    self.syscall = syscall
    self.descriptor = descriptor
    self.readBytes = readBytes
    self.writtenBytes = writtenBytes
  }
}

/// What an agent says of the run folders on its node.
public struct AgentMember: Sendable, Hashable {
  public var member: MemberID
  /// False: the shim and everything under it is gone, seen by the agent.
  public var alive: Bool
  /// Why its shim could not be started; empty if it was.
  public var startFailed: String

  public init(member: MemberID, alive: Bool, startFailed: String = "") {
    self.member = member
    self.alive = alive
    self.startFailed = startFailed
  }
}

extension RankReport {
  /// It has said a step since `before`, in which ranks stand in the same order.
  func isNewStep(after before: ShimReport?, at index: Int) -> Bool {
    guard let before, before.ranks.indices.contains(index), before.ranks[index].rank == rank else { return true }
    return before.ranks[index].stepsSaid != stepsSaid
  }

  /// As they were when it said its last step: a status that holds now is taken to have begun behind it.
  var statusTimesAtStep: StatusTimes {
    var times = statusTimes
    if let account = StatusTimes.account(ofStatus: status) { times[account] = max(.zero, times[account] - stepAge) }
    return times
  }
}
