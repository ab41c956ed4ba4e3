/// The whole durable state: a fold over facts. Nobody else holds it (`~Copyable`), so that a change never copies.
///
/// Dense arrays by slot, made for 62,500 nodes, 10,000 jobs and 100,000 ranks; the hot structs hold no references.
public struct Cluster: ~Copyable, Sendable {
  /// Number of facts applied.
  public internal(set) var sequence: Int64 = 0
  public internal(set) var epoch: Int64 = 0
  public internal(set) var lastFactAt: Instant = .zero

  public internal(set) var nodes: [Node] = []
  public internal(set) var nodeDetails: [NodeDetail] = []
  var nodeByName: [String: Int32] = [:]

  public internal(set) var nextJob: Int64 = 1
  var jobs = Pool<Job>()
  /// Beside `jobs`, at the same slots.
  var specs: [JobSpec] = []
  var endReasons: [String] = []
  /// Slot of job `firstKnownJob + i`, or -1 when it has been archived.
  var slotOfJob: [Int32] = []
  var firstKnownJob: Int64 = 1

  var attempts = Pool<Attempt>()
  /// Beside `attempts`, in rank order: where an attempt ran stays known when its members are gone.
  var attemptPlaces: [[Place]] = []
  var members = Pool<Member>()
  var faults = Pool<FaultRecord>()
  var lemons = LemonCounter()
  var keys: [String: KeyRecord] = [:]
  var admission = Admission()
  public internal(set) var policy = Policy()
  /// In the order in which they were added.
  public internal(set) var maintenance: [Maintenance] = []
  public internal(set) var nextMaintenance: Int64 = 1
  /// By project, of attempts that have ended.
  var usage: [String: DecayedUse] = [:]

  // Derived: rebuilt from the above when a snapshot is read.
  /// Slots of jobs that wait, highest priority first, then in order of submission.
  public internal(set) var pending: [Int32] = []
  /// Slots of attempts that have not ended, in order of start.
  public internal(set) var active: [Int32] = []
  /// Tasks that have started and not ended, by number of their array; only of arrays with a limit. Asked, never iterated.
  var startedOfArray: [Int64: Int32] = [:]
  /// Attempts that have not ended, by project and by user of a project. Asked, never iterated.
  var activeOf: [Tenant: Int32] = [:]
  /// Jobs whose start others wait for (`after`), or did. Asked, never iterated.
  var awaitedStarts: Set<Int64> = []
  /// Beside `attempts`: slots of its members in rank order; empty when they have been given back. A gang of thousands
  /// reports member by member, and each is looked up several times: a walk along the gang would be its square.
  var attemptMembers: [[Int32]] = []
  /// How many ready nodes have exactly i free devices.
  var readyByFree = [Int32](repeating: 0, count: 65)

  public init() {}

  /// A project, or one user of it.
  struct Tenant: Hashable, Sendable {
    var project: String
    /// Empty: all of them.
    var user = ""
  }

  /// What an idempotency key stood for.
  struct KeyRecord: Hashable, Sendable {
    var firstJob: Int64
    var count: Int64
    var requestHash: UInt64
    var at: Instant
  }

  public mutating func reserve(nodes n: Int, jobs j: Int, members m: Int) {
    nodes.reserveCapacity(n)
    nodeDetails.reserveCapacity(n)
    jobs.reserve(j)
    specs.reserveCapacity(j)
    endReasons.reserveCapacity(j)
    slotOfJob.reserveCapacity(j)
    attempts.reserve(j)
    attemptPlaces.reserveCapacity(j)
    attemptMembers.reserveCapacity(j)
    members.reserve(m)
    faults.reserve(j)
    pending.reserveCapacity(j)
    active.reserveCapacity(j)
  }

  // MARK: Looking things up

  public func slot(of job: JobID) -> Int32? {
    let i = job.number - firstKnownJob
    guard i >= 0, i < slotOfJob.count else { return nil }
    let slot = slotOfJob[Int(i)]
    return slot < 0 ? nil : slot
  }

  public func job(_ slot: Int32) -> Job { jobs[slot] }
  public func spec(_ slot: Int32) -> JobSpec { specs[Int(slot)] }
  /// Devices that a job asks for; its whole specification is not copied for it.
  public func devices(ofJob slot: Int32) -> Int32 { specs[Int(slot)].devices }
  public func endReason(_ slot: Int32) -> String { endReasons[Int(slot)] }
  public func attempt(_ slot: Int32) -> Attempt { attempts[slot] }
  public func member(_ slot: Int32) -> Member { members[slot] }
  public func fault(_ slot: Int32) -> FaultRecord { faults[slot] }
  public func node(named name: String) -> NodeID? { nodeByName[name].map { NodeID($0) } }
  public var jobCount: Int { jobs.count }
  /// Numbers of the jobs in the hot state, ascending, are among these.
  public var knownJobs: Range<Int64> { firstKnownJob..<nextJob }

  public func attemptID(_ slot: Int32) -> AttemptID {
    let a = attempts[slot]
    return AttemptID(job: jobs[a.jobSlot].id, number: a.number)
  }

  /// The attempt's slot, if it is the job's latest or an earlier one that is still kept.
  public func attemptSlot(_ id: AttemptID) -> Int32? {
    guard let job = slot(of: id.job) else { return nil }
    var slot = jobs[job].latestAttempt
    while slot >= 0, attempts[slot].number != id.number { slot = attempts[slot].previous }
    return slot < 0 ? nil : slot
  }

  public func memberSlot(_ id: MemberID) -> Int32? {
    guard let attempt = attemptSlot(id.attempt) else { return nil }
    let index = Int(id.index)
    return attemptMembers[Int(attempt)].indices.contains(index) ? attemptMembers[Int(attempt)][index] : nil
  }

  /// The node on which that member of an attempt was placed, also when nothing of it is left.
  public func node(ofMember id: MemberID) -> NodeID? {
    guard let slot = attemptSlot(id.attempt), attemptPlaces[Int(slot)].indices.contains(Int(id.index)) else {
      return nil
    }
    return attemptPlaces[Int(slot)][Int(id.index)].node
  }

  public func memberID(_ slot: Int32) -> MemberID {
    MemberID(attempt: attemptID(members[slot].attemptSlot), index: members[slot].index)
  }

  /// Slots of an attempt's members in rank order.
  public func memberSlots(ofAttempt slot: Int32) -> [Int32] { attemptMembers[Int(slot)] }

  /// Slots of the members on a node that have not stopped, newest first.
  public func memberSlots(onNode node: NodeID) -> [Int32] {
    var out: [Int32] = []
    var m = nodes[Int(node.index)].firstMember
    while m >= 0 {
      out.append(m)
      m = members[m].nextOnNode
    }
    return out
  }

  /// Whether `count` ready nodes have `devices` free devices each: a quick exact answer as far as state goes.
  func fits(count: Int32, devices: Int32) -> Bool {
    var found: Int32 = 0
    for i in Int(devices)..<readyByFree.count { found += readyByFree[i] }
    return found >= count
  }

  /// A fact that cannot follow from the facts before it: the journal or the program is wrong. Going on would decide
  /// from a state that is not true, so the program stops and names it.
  func impossible(_ fact: borrowing Fact, _ why: String) -> Never {
    fatalError("impossible fact \(sequence + 1) (\(fact.event)): \(why)")
  }
}
