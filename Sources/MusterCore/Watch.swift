/// What the controller sees but does not keep: beats, steps, connections. Lost with the process and filled again by the
/// reports that follow; whatever it leads to is a fact.
struct Watch: Sendable {
  /// Beside `Cluster.nodes`.
  var nodes: [NodeWatch] = []
  /// At the slots of `Cluster.members`; an entry counts only while its `id` is the member's.
  var members: [MemberWatch?] = []
  /// By attempt slot, as `members`.
  var attempts: [AttemptWatch?] = []
  /// The longest time between two steps of a job, over its attempts; by job number. Never iterated.
  var longestStep: [Int64: Span] = [:]
  var attention = Attention()
  var massSilence = MassSilence()

  struct NodeWatch: Sendable {
    var agentConnected = false
    /// When the agent last spoke, by the attentive clock.
    var lastBeat: Instant = .zero
    var agentPID: Int32 = 0
    /// The agent has listed its members since it connected.
    var reported = false
  }

  struct MemberWatch: Sendable {
    var id: MemberID
    /// By the attentive clock: the last beat, or when we began to expect one.
    var lastBeat: Instant
    /// By the host's clock: the lease ends at the latest this long after.
    var lastAcknowledged: Instant
    var connected = false
    var report: ShimReport?
    /// The agent is to kill it: it is not wanted and does not answer.
    var unwanted = false
    /// It fell silent together with many, and has not been heard since.
    var isWithheld = false
  }

  struct AttemptWatch: Sendable {
    var id: AttemptID
    var released = false
    /// By role: where its first member listens.
    var ports: [Int32] = []
    /// Members whose shim's last word is that it has prepared, or is further.
    var prepared: Int32 = 0
    /// Members whose shim's last word is that its ranks have been started, or is further.
    var started: Int32 = 0
    /// Members that have not stopped and whose shims have said a word.
    var heard: Int32 = 0
    var firstStepAt: Instant = .zero
    var lastStepAt: Instant = .zero
    /// The longest that any rank has said.
    var statuses = StatusTimes()
    /// The same up to the last step.
    var statusesAtStep = StatusTimes()
    /// What of it is a fact, and since when.
    var statusesTold = StatusTimes()
    var statusesToldAt: Instant = .zero
    /// What its ranks have waited for each other; nil: they say nothing, or not all members have been heard yet.
    var waits: PeerWaits?
    /// The most that a rank has said at once since they were last compared.
    var longestWait: Span = .zero
    var waitsComparedAt: Instant = .zero
    /// When it was last asked whether they can be.
    var waitsLookedAt: Instant = .zero
    var stop: StopDeadline?
    var hang = HangWatch()

    /// A member's last word was `before`, and is `after`.
    mutating func count(from before: ShimReport.State?, to after: ShimReport.State) {
      let before = before ?? .preparing
      prepared += (after >= .prepared ? 1 : 0) - (before >= .prepared ? 1 : 0)
      started += (after >= .running ? 1 : 0) - (before >= .running ? 1 : 0)
    }
  }

  struct StopDeadline: Sendable {
    /// After it a member that has not confirmed is suspect.
    var confirmBy: Instant
  }

  mutating func member(_ slot: Int32, id: MemberID, now: Instant) -> MemberWatch {
    Watch.grow(&members, to: slot)
    if let watch = members[Int(slot)], watch.id == id { return watch }
    let fresh = MemberWatch(id: id, lastBeat: attention.clock(now), lastAcknowledged: now)
    members[Int(slot)] = fresh
    return fresh
  }

  func knownMember(_ slot: Int32, id: MemberID) -> MemberWatch? {
    guard slot < members.count, let watch = members[Int(slot)], watch.id == id else { return nil }
    return watch
  }

  mutating func attempt(_ slot: Int32, id: AttemptID) -> AttemptWatch {
    Watch.grow(&attempts, to: slot)
    if let watch = attempts[Int(slot)], watch.id == id { return watch }
    let fresh = AttemptWatch(id: id)
    attempts[Int(slot)] = fresh
    return fresh
  }

  func knownAttempt(_ slot: Int32, id: AttemptID) -> AttemptWatch? {
    guard slot < attempts.count, let watch = attempts[Int(slot)], watch.id == id else { return nil }
    return watch
  }

  mutating func node(_ node: NodeID) -> NodeWatch {
    while nodes.count <= Int(node.index) { nodes.append(NodeWatch()) }
    return nodes[Int(node.index)]
  }

  private static func grow<T>(_ list: inout [T?], to slot: Int32) {
    while list.count <= Int(slot) { list.append(nil) }
  }
}

/// A clock that stands still while the controller did not run (stopped, starved, suspended): silence in that time is the
/// controller's own and counts against nobody.
struct Attention: Sendable {
  /// The host looks in at least this often.
  static let tick = Span.milliseconds(100)
  static let tolerance = Span.milliseconds(400)

  private(set) var absent = Span.zero
  private(set) var lastSeen: Instant = .zero

  mutating func look(now: Instant) {
    let gap = now - lastSeen
    if lastSeen != .zero, gap > Attention.tolerance { absent = absent + (gap - Attention.tick) }
    lastSeen = now
  }

  func clock(_ now: Instant) -> Instant { now - absent }
}

/// When more than half of the connected shims, at least 3, fall silent within 2 s, the fault is nearer home.
struct MassSilence: Sendable {
  static let least = 3
  private(set) var withheld = false

  enum Judgement {
    case act
    case withhold(first: Bool)
  }

  mutating func judge(silent: Int, connected: Int) -> Judgement {
    guard silent >= MassSilence.least, silent * 2 > connected else {
      withheld = false
      return .act
    }
    defer { withheld = true }
    return .withhold(first: !withheld)
  }
}

/// What the agent of a silent shim's node says about it: is it the shim alone, or the whole node?
enum AgentWord: Hashable, Sendable {
  /// It spoke well after the shim's last beat: the node is there.
  case answers
  /// Its next report may still come.
  case notYetKnown
  case silent

  /// A link that is cut takes the shim's beats and the agent's reports at the same moment: an agent counts as answering
  /// only for what it said when the shim had already missed a beat. Times by the attentive clock.
  init(shim: Instant, agent: Instant, clock: Instant, limits: Limits) {
    if agent - shim > limits.quiet {
      self = .answers
    } else {
      self = clock - agent <= limits.silence ? .notYetKnown : .silent
    }
  }
}
