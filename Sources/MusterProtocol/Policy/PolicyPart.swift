public import MusterCore

/// What a policy file says: some kinds or all of them. What it does not mention stays as it is.
public struct PolicyPart: Hashable, Sendable {
  public var topology: TopologyPolicy?
  /// A parent stands before its children.
  public var projects: [ProjectPolicy]?
  public var priorities: [PriorityClass]?

  public init(
    topology: TopologyPolicy? = nil, projects: [ProjectPolicy]? = nil, priorities: [PriorityClass]? = nil
  ) {
    self.topology = topology
    self.projects = projects
    self.priorities = priorities
  }

  public init(_ policy: Policy) {
    self.init(topology: policy.topology, projects: policy.projects, priorities: policy.priorities)
  }

  public func merged(into policy: Policy) -> Policy {
    var merged = policy
    if let topology { merged.topology = topology }
    if let projects { merged.projects = projects }
    if let priorities { merged.priorities = priorities }
    return merged
  }

  /// The longest file that is read.
  public static let limitBytes = 8 << 20

  /// Limits, each stated in the errors that name it.
  enum Limits {
    static let levels = 8
    static let places = 65_536
    static let nodes = 65_536
    static let projects = 10_000
    static let priorities = 1_000
    static let devices: ClosedRange<Int64> = 0...100_000_000
    static let weight: ClosedRange<Int64> = 1...1_000_000
    static let runningJobs: ClosedRange<Int64> = 0...1_000_000
  }

  /// Reads a policy from YAML: one document or several. All problems are reported together.
  public static func parse(yaml: String) -> Result<PolicyPart, JobFileErrors> {
    do throws(JobFileErrors) {
      let (documents, problems) = try JobDocument.readAll(yaml: yaml, limitBytes: limitBytes)
      var reader = PolicyReader<JobDocument>(problems: problems)
      return reader.read(documents)
    } catch {
      return .failure(error)
    }
  }

  /// Reads what `json` wrote, or what a client says in a policy file's shape.
  public static func parse(json: JSON) -> Result<PolicyPart, JobFileErrors> {
    var reader = PolicyReader<JSON>()
    return reader.read([json])
  }
}
