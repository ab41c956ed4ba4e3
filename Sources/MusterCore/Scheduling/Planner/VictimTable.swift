/// A running gang that others may take the place of.
package struct Candidate: Hashable, Sendable {
  package var attempt: AttemptID
  package var priority: Int32
  /// Of `ProjectTree`; a project that nobody declared has a number below 0 of its own.
  package var owner: Int32
  /// Device-milliseconds that are lost if it is stopped: since its last checkpoint, and its restart.
  package var cost: Int64
  /// What it has run; below zero if it gives way to none of its own priority.
  var ran = Span(nanoseconds: -1)
  var devices: Int32 = 0
  /// Its entries in `PlanningView.running`.
  package var entries: Range<Int>
  /// It is being stopped already, and does not come back to its nodes: whoever waits for it costs nothing.
  var isLeaving = false

  package init(attempt: AttemptID, priority: Int32, owner: Int32, cost: Int64, entries: Range<Int>) {
    self.attempt = attempt
    self.priority = priority
    self.owner = owner
    self.cost = cost
    self.entries = entries
  }
}

/// Who may be stopped for whom. In the view as it is now, and in a round as it goes on: a project that has been taken from
/// may be within its guarantee then.
///
/// A gang may take the place of another of its own project that has a lower priority; of another project's only while that
/// one uses more than its guarantee, and then for a higher priority, or because its own use stays within its own
/// guarantee. "Its own" is seen from where their ways up the tree part: of two teams' projects the teams' guarantees
/// count. A cycle is impossible: one that was stopped for a guarantee could come back only within its own.
package struct VictimTable: Sendable {
  package private(set) var candidates: [Candidate] = []
  /// By shared node of the view: the candidates that have parts of it; nil where something else has one, too.
  package var ofShared: [[Int32]?] = []
  private(set) var tree: ProjectTree?
  /// `[project][kind]`, children's counted.
  private var used: [Int32] = []
  private(set) var lowestPriority = Int32.max
  private(set) var hasGuarantees = false
  /// Of those that may give way to their equals.
  private(set) var longestRun = Span(nanoseconds: -1)
  /// By declared project, and last of those that nobody declared.
  private var lowestOfProject: [Int32] = [.max]

  package init() {}

  package init(_ tree: ProjectTree, used: [[Int32]]) {
    self.tree = tree
    self.used = used.flatMap { $0 }
    hasGuarantees = tree.guaranteed.contains { $0.contains { $0 > 0 } }
    lowestOfProject = Array(repeating: .max, count: tree.count + 1)
  }

  var isEmpty: Bool { candidates.isEmpty }

  package mutating func add(_ candidate: Candidate) {
    candidates.append(candidate)
    guard !candidate.isLeaving else { return }
    lowestPriority = min(lowestPriority, candidate.priority)
    longestRun = max(longestRun, candidate.ran)
    let at = VictimRights.index(candidate.owner, lowestOfProject.count)
    lowestOfProject[at] = min(lowestOfProject[at], candidate.priority)
  }

  /// What a gang that takes so many devices of a type may do; nil: none of them may be stopped for it, whichever there
  /// are.
  func rights(_ gang: borrowing PendingGang, _ type: Int32, _ devices: Int32) -> VictimRights? {
    let byRank = gang.mayPreempt && (lowestPriority < gang.priority || mayTakeTurn(gang))
    guard !candidates.isEmpty, byRank || isWithinSomewhere(gang.owner, type, devices) else { return nil }
    let rights = VictimRights(
      gang, tree, type, devices, self, projects: 0..<lowestOfProject.count, count: lowestOfProject.count)
    if mayTakeTurn(gang) { return rights }
    for project in lowestOfProject.indices where lowestOfProject[project] < .max {
      let isHigher = gang.mayPreempt && lowestOfProject[project] < gang.priority
      if isHigher || rights.isWithin[project], isOver(rights.other[project], rights) { return rights }
    }
    return nil
  }

  /// A quick look: somebody of no higher priority has run long enough for it.
  func mayTakeTurn(_ gang: borrowing PendingGang) -> Bool {
    gang.mayPreempt && gang.turns.ran <= longestRun && lowestPriority <= gang.priority
  }

  private func isWithinSomewhere(_ owner: Int32, _ type: Int32, _ devices: Int32) -> Bool {
    guard hasGuarantees, let tree else { return false }
    var at = owner
    while at >= 0 {
      if isWithin(at, type, devices) { return true }
      at = tree.parents[Int(at)]
    }
    return false
  }

  /// Whether one may be stopped for the gang, as things are now.
  func mayStop(_ candidate: Candidate, _ rights: borrowing VictimRights) -> Bool {
    if candidate.isLeaving { return true }
    let isHigher = rights.mayPreempt && (candidate.priority < rights.priority || rights.isTurn(candidate))
    if candidate.owner == rights.owner { return isHigher }
    let at = VictimRights.index(candidate.owner, rights.other.count)
    return (isHigher || rights.isWithin[at]) && isOver(rights.other[at], rights)
  }

  /// The same for one alone.
  func mayStop(_ candidate: Candidate, for gang: borrowing PendingGang, _ type: Int32, _ devices: Int32) -> Bool {
    let at = VictimRights.index(candidate.owner, lowestOfProject.count)
    let rights = VictimRights(
      gang, tree, type, devices, self, projects: at..<at + 1, count: lowestOfProject.count)
    return mayStop(candidate, rights)
  }

  /// More than what is guaranteed to it, whichever of its guarantees one takes. -1: there is nobody to ask.
  private func isOver(_ project: Int32, _ rights: borrowing VictimRights) -> Bool {
    guard project >= 0, hasGuarantees, let tree else { return true }
    for kind in rights.kinds {
      let guaranteed = tree.guaranteed[Int(project)][kind]
      if guaranteed > 0, used[Int(project) * tree.kinds.count + kind] <= guaranteed { return false }
    }
    return true
  }

  func isWithin(_ project: Int32, _ type: Int32, _ devices: Int32) -> Bool {
    guard let tree else { return false }
    for kind in tree.kinds.indices where tree.counts(kind, type) {
      let guaranteed = tree.guaranteed[Int(project)][kind]
      if guaranteed > 0, used[Int(project) * tree.kinds.count + kind] &+ devices <= guaranteed { return true }
    }
    return false
  }

  /// More or fewer devices are used.
  mutating func count(_ owner: Int32, _ type: Int32, _ devices: Int32) {
    guard let tree, owner >= 0 else { return }
    for kind in tree.kinds.indices where tree.counts(kind, type) {
      var at = owner
      while at >= 0 {
        used[Int(at) * tree.kinds.count + kind] &+= devices
        at = tree.parents[Int(at)]
      }
    }
  }
}

/// What one gang may do to each project's: worked out once, as it is asked for every gang that runs.
struct VictimRights {
  let owner: Int32
  let priority: Int32
  let mayPreempt: Bool
  let turns: TurnRights
  /// Of the tree, those that count the gang's type.
  let kinds: [Int]
  /// By declared project, and last of those that nobody declared: where the gang's way up the tree parts from theirs it is
  /// within its guarantee.
  private(set) var isWithin: [Bool]
  /// Likewise, the project that must use more than its guarantee; -1: none.
  private(set) var other: [Int32]

  /// It has had its turn.
  func isTurn(_ candidate: Candidate) -> Bool {
    candidate.priority <= priority && turns.mayTake(devices: candidate.devices, ran: candidate.ran)
  }

  static func index(_ owner: Int32, _ count: Int) -> Int {
    owner >= 0 && Int(owner) < count - 1 ? Int(owner) : count - 1
  }

  init(
    _ gang: borrowing PendingGang, _ tree: ProjectTree?, _ type: Int32, _ devices: Int32,
    _ table: borrowing VictimTable, projects: Range<Int>, count: Int
  ) {
    (owner, priority, mayPreempt) = (gang.owner, gang.priority, gang.mayPreempt)
    turns = gang.turns
    isWithin = Array(repeating: false, count: count)
    other = Array(repeating: -1, count: count)
    guard let tree else {
      kinds = []
      return
    }
    kinds = tree.kinds.indices.filter { tree.counts($0, type) }
    let way = tree.path(gang.owner)
    let within = way.map { table.isWithin($0, type, devices) }
    // Of a project above the gang's own one: the one on the gang's way that lies right below it.
    var below = Array(repeating: -1, count: count)
    for (i, at) in way.enumerated() { below[Int(at)] = i - 1 }
    for project in projects {
      var (at, last): (Int32, Int32) = (project < tree.count ? Int32(project) : -1, -1)
      while at >= 0, !way.contains(at) {
        last = at
        at = tree.parents[Int(at)]
      }
      other[project] = last
      let own = at >= 0 ? below[Int(at)] : way.count - 1
      isWithin[project] = own >= 0 && within[own]
    }
  }
}
