/// Watches the steps of one attempt's ranks for one that no longer comes. A value: time comes in, an answer goes out.
///
/// A rank is watched once it has said a step. The limit is learned from the job's own steps (`HangWatch.limit`); while a
/// rank says a status (`STATUS=evaluating`), another limit holds for the whole gang, since the others wait for it.
struct HangWatch: Sendable {
  /// Never sooner: a checkpoint, a garbage collection or a page cache that fills takes seconds. Unit: time.
  static let floor = Span.seconds(3)
  /// A step may take this many times the job's longest so far.
  static let timesLongest: Int64 = 5
  /// At least, before a rank's third step (compilation, caches) and while it says a status.
  static let unlearned = Span.seconds(600)
  /// Where every rank is at work (all busy, or moving bytes) or some have ended well, silence is likelier work than a
  /// hang: this many times the limit.
  static let patience: Int64 = 10

  struct RankSteps: Sendable {
    var step: Int64
    /// In this attempt, also before this controller began to listen.
    var count: Int64
    var lastAt: Instant
    var status: String
  }
  /// By rank within this attempt; nil until it speaks.
  private(set) var ranks: [RankSteps?] = []
  /// When the first word of any rank was heard: after a controller's restart long after their first step.
  private(set) var heardSince: Instant?
  /// When some rank last had a status: the others waited for it, and their quiet counts from there.
  private(set) var statusAt: Instant?

  /// A rank's newest step, when it said it and when we heard it, by the attentive clock.
  mutating func saw(rank: Int32, step: Int64, count: Int64, status: String, at: Instant, now: Instant) {
    heardSince = heardSince ?? now
    if anyStatus { statusAt = now }
    while ranks.count <= Int(rank) { ranks.append(nil) }
    guard ranks[Int(rank)]?.step == step else {
      ranks[Int(rank)] = RankSteps(step: step, count: count, lastAt: at, status: status)
      return
    }
    ranks[Int(rank)]?.status = status
  }

  /// How long a rank may be quiet.
  static func limit(longestStep: Span, set: Span?) -> Span { set ?? max(floor, longestStep * timesLongest) }

  /// How long the ranks have been listened to. Quiet from before that is known by their word alone: half of the limit
  /// is needed to look at them.
  func heard(now: Instant) -> Span { heardSince.map { now - $0 } ?? .zero }

  /// How long the quietest rank has been quiet; nil while none has spoken.
  func quietest(now: Instant) -> Span? { ranks.compactMap { $0 }.map { now - quietSince($0) }.max() }

  /// Since when a rank has been quiet: its last step, or the end of a status for which the gang waited.
  func quietSince(_ rank: RankSteps) -> Instant { max(rank.lastAt, statusAt ?? .zero) }

  var anyStatus: Bool { ranks.contains { !($0?.status ?? "").isEmpty } }
  var highestStep: Int64 { ranks.reduce(0) { max($0, $1?.step ?? 0) } }
}

/// What a hang comes to, from what each rank was seen doing.
struct HangVerdict: Sendable, Hashable {
  enum Finding: Sendable, Hashable {
    case culprit(rank: Int32, Fault.Cause, Fault.Confidence)
    case unknown
    /// It looks like work: wait longer.
    case working
  }
  var finding: Finding
  var evidence: [String]

  struct Look: Sendable {
    var rank: Int32
    var probe: Probe
    var step: Int64?
    /// Bytes moved since the quiet began.
    var movedBytes: Int64
    var quiet: Span
    /// False until the rank has said a step.
    var spoke = true

    /// By a signal or a debugger.
    var isStopped: Bool { probe.state == "T" || probe.state == "t" }
  }

  static func judge(_ looks: [Look], someEndedWell: Bool) -> HangVerdict {
    func found(_ look: Look, _ cause: Fault.Cause, _ confidence: Fault.Confidence, _ text: String) -> HangVerdict {
      HangVerdict(
        finding: .culprit(rank: look.rank, cause, confidence),
        evidence: ["rank \(look.rank) \(text)"] + others(looks, than: look.rank))
    }
    if let stopped = looks.first(where: \.isStopped) {
      return found(stopped, .hangStopped, .certain, "is stopped (state \(stopped.probe.state))")
    }
    if let mover = looks.first(where: { $0.movedBytes >= 65_536 }) {
      return HangVerdict(finding: .working, evidence: ["rank \(mover.rank) moves bytes: \(mover.movedBytes)"])
    }
    let blocked = looks.filter { isBlockedRead($0.probe) }
    let busy = looks.filter(isBusy)
    if !blocked.isEmpty, blocked.count < looks.count || looks.count == 1 {
      let look = blocked[0]
      return found(
        look, .hangBlocked, blocked.count == 1 ? .high : .low,
        "is blocked in \(look.probe.syscall)\(look.probe.descriptor.isEmpty ? "" : " on a \(look.probe.descriptor)")")
    }
    if looks.isEmpty { return HangVerdict(finding: .working, evidence: ["no rank could be looked at yet"]) }
    // A rank alone has nobody to wait for: it said its steps, and now it says none.
    let isAlone = looks.count == 1 && !someEndedWell
    if !isAlone, busy.count == looks.count || (someEndedWell && busy.count > 0) {
      return HangVerdict(finding: .working, evidence: ["every rank that is left is busy"])
    }
    if !busy.isEmpty, isAlone || busy.count * 2 <= looks.count {
      let look = busy[0]
      return found(
        look, .hangBusy, isAlone ? .medium : busy.count == 1 ? .high : .low,
        "used \(look.probe.cpuPermille / 10) % of a core and made no step")
    }
    // The ranks that still step are well; one alone that does not is the culprit whatever it does.
    let fresh = looks.filter { $0.quiet < HangWatch.floor }
    let quiet = looks.filter { $0.quiet >= HangWatch.floor }
    if quiet.count == 1, !fresh.isEmpty {
      return found(quiet[0], .hangUnknown, .medium, "made no step while the others did")
    }
    return HangVerdict(
      finding: .unknown,
      evidence: ["no rank steps, all wait: nothing tells which one the others wait for"] + others(looks, than: -1))
  }

  /// Reading from what no peer of the job feeds. Sockets are how ranks wait for each other.
  private static func isBlockedRead(_ probe: Probe) -> Bool {
    guard probe.state == "S" || probe.state == "D" else { return false }
    return ["read", "readv", "pread64", "openat", "open"].contains(probe.syscall) && probe.descriptor != "socket"
  }

  /// At work, or it would be: on a crowded machine a busy loop gets less than a core, but it is always runnable.
  private static func isBusy(_ look: Look) -> Bool {
    look.probe.cpuPermille >= 500 || (look.probe.state == "R" && look.probe.cpuPermille >= 50)
  }

  private static func others(_ looks: [Look], than rank: Int32) -> [String] {
    looks.filter { $0.rank != rank }.prefix(8).map {
      let call = $0.probe.syscall.isEmpty ? "no system call" : $0.probe.syscall
      return "rank \($0.rank): state \($0.probe.state), \($0.probe.cpuPermille / 10) % CPU, in \(call)"
    }
  }
}
