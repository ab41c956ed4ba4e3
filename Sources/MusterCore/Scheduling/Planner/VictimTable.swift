/// A running gang that others may take the place of.
struct Candidate: Hashable, Sendable {
  var attempt: AttemptID
  var priority: Int32
  /// Of `ProjectTree`; a project that nobody declared has a number below 0 of its own.
  var owner: Int32
  /// Device-milliseconds that are lost if it is stopped: since its last checkpoint, and its restart.
  var cost: Int64
  /// Its entries in `PlanningView.running`.
  var entries: Range<Int>
  /// It is being stopped already, and does not come back to its nodes: whoever waits for it costs nothing.
  var isLeaving = false
}

/// Who may be stopped for whom. In the view as it is now, and in a round as it goes on: a project that has been taken from
/// may be within its guarantee then.
///
/// A gang may take the place of another of its own project that has a lower priority; of another project's only while that
/// one uses more than its guarantee, and then for a higher priority, or because its own use stays within its own
/// guarantee. "Its own" is seen from where their ways up the tree part: of two teams' projects the teams' guarantees
/// count. A cycle is impossible: one that was stopped for a guarantee could come back only within its own.
struct VictimTable: Sendable {
  var candidates: [Candidate] = []
  /// By shared node of the view: the candidates that have parts of it; nil where something else has one, too.
  var ofShared: [[Int32]?] = []
  private(set) var tree: ProjectTree?
  /// `[project][kind]`, children's counted.
  private var used: [[Int32]] = []
  private(set) var lowestPriority = Int32.max

  init() {}

  init(_ tree: ProjectTree, used: [[Int32]]) {
    self.tree = tree
    self.used = used
  }

  var isEmpty: Bool { candidates.isEmpty }
  var hasGuarantees: Bool { tree.map { $0.guaranteed.contains { $0.contains { $0 > 0 } } } ?? false }

  mutating func add(_ candidate: Candidate) {
    candidates.append(candidate)
    if !candidate.isLeaving { lowestPriority = min(lowestPriority, candidate.priority) }
  }

  /// Without looking at any of them: whether some may be stopped for the gang at all.
  func mayTake(_ gang: borrowing PendingGang, _ type: Int32, _ devices: Int32) -> Bool {
    guard !candidates.isEmpty else { return false }
    if gang.mayPreempt, lowestPriority < gang.priority { return true }
    guard let tree, gang.owner >= 0 else { return false }
    return tree.path(gang.owner).contains { isWithin($0, type, devices) }
  }

  /// Whether one may be stopped for a gang that takes so many devices of a type.
  func mayStop(_ candidate: Candidate, for gang: borrowing PendingGang, _ type: Int32, _ devices: Int32) -> Bool {
    if candidate.isLeaving { return true }
    let isHigher = gang.mayPreempt && candidate.priority < gang.priority
    if candidate.owner == gang.owner { return isHigher }
    let (own, other) = branches(gang.owner, candidate.owner)
    if other >= 0, !isOver(other, type) { return false }
    return isHigher || (own >= 0 && isWithin(own, type, devices))
  }

  /// The topmost projects of two that are not above both; -1: the project that is above the other one, or one that nobody
  /// declared.
  private func branches(_ a: Int32, _ b: Int32) -> (Int32, Int32) {
    guard let tree else { return (-1, -1) }
    let (x, y) = (tree.path(a), tree.path(b))
    var (i, j) = (x.count - 1, y.count - 1)
    while i >= 0, j >= 0, x[i] == y[j] {
      i -= 1
      j -= 1
    }
    return (i >= 0 ? x[i] : -1, j >= 0 ? y[j] : -1)
  }

  /// More than what is guaranteed to it, whichever of its guarantees one takes.
  private func isOver(_ project: Int32, _ type: Int32) -> Bool {
    guard let tree else { return true }
    for kind in tree.kinds.indices where tree.counts(kind, type) {
      let guaranteed = tree.guaranteed[Int(project)][kind]
      if guaranteed > 0, used[Int(project)][kind] <= guaranteed { return false }
    }
    return true
  }

  private func isWithin(_ project: Int32, _ type: Int32, _ devices: Int32) -> Bool {
    guard let tree else { return false }
    for kind in tree.kinds.indices where tree.counts(kind, type) {
      let guaranteed = tree.guaranteed[Int(project)][kind]
      if guaranteed > 0, used[Int(project)][kind] &+ devices <= guaranteed { return true }
    }
    return false
  }

  /// More or fewer devices are used.
  mutating func count(_ owner: Int32, _ type: Int32, _ devices: Int32) {
    guard let tree, owner >= 0 else { return }
    for at in tree.path(owner) {
      for kind in tree.kinds.indices where tree.counts(kind, type) { used[Int(at)][kind] &+= devices }
    }
  }
}
