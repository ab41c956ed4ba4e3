/// What a job asks of its place and its time, beside the shape of its gang. Everything left out asks for nothing.
public struct Wishes: Hashable, Sendable {
  /// Nodes of each chunk that lies in one rack or scale-up domain; `nodes` is a multiple. 1 asks for nothing.
  public var segment: Int32 = 1
  /// The level of the topology in one domain of which the whole gang lies.
  public var within: Within?
  /// At most so many of its nodes in one domain of a level.
  public var spread: Spread?
  /// Names of device types, best first; empty: any.
  public var deviceTypes: [String] = []
  /// Whole nodes, also where it uses fewer devices than they have.
  public var isExclusive = false
  /// All must hold of a node's labels.
  public var constraint: [LabelRule] = []
  /// Names of nodes that it must not get; sorted.
  public var exclude: [String] = []
  /// Not started before; `.zero` asks for nothing.
  public var begin: Instant = .zero
  /// Submitted on hold: waits for `release`.
  public var isHeld = false
  /// All must have come true.
  public var dependsOn: [Dependency] = []
  public var array: ArrayTask?
  /// Sent to all ranks some time before the walltime is over.
  public var warning: Warning?
  /// The priority's name, where it was given by one; the spec has its number as it was at the submission.
  public var priorityClass = ""

  public init() {}

  /// Whether the job says anything of these at all.
  public var isEmpty: Bool { hasNoPlace && hasNoTime }

  private var hasNoPlace: Bool {
    segment == 1 && within == nil && spread == nil && deviceTypes.isEmpty && !isExclusive && constraint.isEmpty
      && exclude.isEmpty
  }

  private var hasNoTime: Bool {
    begin == .zero && !isHeld && dependsOn.isEmpty && array == nil && warning == nil && priorityClass.isEmpty
  }
}

public struct Within: Hashable, Sendable {
  /// `rack`, `block`, `site`: a level's name.
  public var level: String
  /// Not required: it starts no later for it.
  public var isRequired: Bool

  public init(level: String, isRequired: Bool = true) {
    self.level = level
    self.isRequired = isRequired
  }
}

public struct Spread: Hashable, Sendable {
  public var level: String
  /// Nodes of the gang in one domain, at least 1.
  public var atMost: Int32

  public init(level: String, atMost: Int32 = 1) {
    self.level = level
    self.atMost = atMost
  }
}

/// What must hold of a node's labels: `key=value`, `key!=value`, `key`, `!key`.
public struct LabelRule: Hashable, Sendable {
  public var key: String
  /// nil: any value.
  public var value: String?
  public var isNegated: Bool

  public init(key: String, value: String? = nil, isNegated: Bool = false) {
    self.key = key
    self.value = value
    self.isNegated = isNegated
  }

  /// A label that a node does not have has no value: `key!=value` and `!key` hold.
  public func holds(for labels: [Label]) -> Bool {
    let label = labels.first { $0.key == key }
    let isTrue = label.map { value == nil || $0.value == value } ?? false
    return isTrue != isNegated
  }
}

/// A name for a property of a node: `rack=r17`, `ib=hdr`.
public struct Label: Hashable, Sendable {
  public var key: String
  public var value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}

public struct Dependency: Hashable, Sendable {
  public enum Kind: UInt8, CaseIterable, Hashable, Sendable {
    /// The other has started.
    case after = 0
    /// It has completed.
    case afterok = 1
    /// It has ended, however.
    case afterany = 2
    /// It has ended otherwise than completed.
    case afternotok = 3
    /// No other job of this name and user, submitted earlier, is left.
    case singleton = 4
  }
  public var kind: Kind
  /// Ignored for `singleton`.
  public var job: JobID
  /// Index of one task of the array `job`, as it was asked for; nil: the job itself, or all tasks of the array. Facts name
  /// tasks by their own numbers.
  public var task: Int32?

  public init(kind: Kind, job: JobID = JobID(0), task: Int32? = nil) {
    self.kind = kind
    self.job = job
    self.task = task
  }
}

/// One task of an array: a job with its own number. The array's number is that of its first task.
public struct ArrayTask: Hashable, Sendable {
  /// Its place among the tasks, from 0; their numbers follow one another.
  public var position: Int32
  public var count: Int32
  /// What its program is told.
  public var index: Int32
  /// Tasks that may run at the same time; 0 is no limit.
  public var atOnce: Int32

  public init(position: Int32, count: Int32, index: Int32, atOnce: Int32 = 0) {
    self.position = position
    self.count = count
    self.index = index
    self.atOnce = atOnce
  }

  /// The array's number.
  public func array(of job: JobID) -> JobID { JobID(job.number - Int64(position)) }
}

extension Cluster {
  /// A job as people name it: its number, of a task `41_3`.
  public func shown(_ job: JobID) -> String {
    guard let slot = slot(of: job), let array = specs[Int(slot)].wishes.array else { return "\(job)" }
    return "\(array.array(of: job))_\(array.index)"
  }
}

public struct Warning: Hashable, Sendable {
  /// A signal number.
  public var signal: Int32
  /// How long before the walltime is over.
  public var before: Span

  public init(signal: Int32, before: Span) {
    self.signal = signal
    self.before = before
  }
}
