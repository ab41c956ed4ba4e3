public import MusterCore

/// What a submission knows beside the file.
public struct SubmitContext: Hashable, Sendable {
  /// Who submits, used if the file names nobody; nil: the file must say.
  public var user: String?
  /// Absolute: the default, and where a relative one starts; nil: the file must say an absolute one.
  public var workingDirectory: String?
  /// Whether a relative one may be written: not where nobody knows what it would be relative to.
  public var takesRelativePaths: Bool { workingDirectory != nil && !isBare }
  private var isBare = false
  /// Under the file's own variables. What no job may set (`MUSTER_*`, names a shell could not have) is left out.
  public var exportedEnvironment: [EnvironmentVariable]
  /// The job's name if the file gives none, e.g. the file's own name; nil: the program's. What a name may not have
  /// becomes a hyphen.
  public var defaultName: String?
  /// When it is submitted, for `begin: now+2h`; nil: only a moment may be named.
  public var now: Instant?

  public init(
    user: String?, workingDirectory: String?, exportedEnvironment: [EnvironmentVariable] = [],
    defaultName: String? = nil, now: Instant? = nil
  ) {
    self.now = now
    self.user = user
    self.workingDirectory = workingDirectory
    self.exportedEnvironment = exportedEnvironment
    self.defaultName = defaultName
  }

  /// For what comes over the wire. Our commands fill everything in; a client that does not say who and where gets
  /// defaults that are true of any machine.
  public static let wire = {
    var context = SubmitContext(user: "unknown", workingDirectory: "/")
    context.isBare = true
    return context
  }()
}

/// The job file: read, checked, every default filled in.
public enum JobFile {
  /// Limits, each stated in the errors that name it.
  public enum Limits {
    public static let nodes: ClosedRange<Int64> = 1...65_536
    public static let devicesPerNode: ClosedRange<Int64> = 0...64
    public static let ranksPerNode: ClosedRange<Int64> = 1...1024
    public static let worldSize: Int64 = 1_048_576
    public static let roles = 16
    public static let cpus: ClosedRange<Int64> = 0...65_536
    public static let priority: ClosedRange<Int64> = -1_000_000_000...1_000_000_000
    public static let restarts: ClosedRange<Int64> = 0...1000
    public static let checkpointEvery: ClosedRange<Int64> = 0...1_000_000_000_000
    /// Of all words of the command together, each with its terminating zero.
    public static let commandBytes = 128 << 10
    public static let environmentEntries = 1024
    /// Of all `NAME=value` together, each with its terminating zero.
    public static let environmentBytes = 128 << 10
    public static let nameLength = 128
    /// Linux's PATH_MAX, less the terminating zero.
    public static let pathBytes = 4095
    public static let leastLogBytes: Int64 = 64 << 10
    public static let segment: ClosedRange<Int64> = 1...255
    public static let arrayTasks = 1_000
    public static let arrayIndex: ClosedRange<Int64> = 0...1_000_000
    public static let excludedNodes = 65_536
    /// Of `dependsOn`, `constraint` and `deviceTypes`, each.
    public static let listEntries = 1_000
    public static let labelLength = 63
    public static let deviceTypeLength = 64
    /// Of parameters, tokens and the like.
    public static let count: ClosedRange<Int64> = 1...1_000_000_000_000_000
  }

  /// Words that no job file may use yet.
  public static let reserved: [String] = [
    "class", "reservation", "budget", "sites", "serve", "data", "image",
  ]

  /// Reads a job, with its array, from a tree. All problems are reported together.
  public static func read(_ document: JobDocument, context: SubmitContext) -> Result<JobRequest, JobFileErrors> {
    var reader = JobFileReader<JobDocument>(context: context)
    return reader.read(document)
  }

  /// Reads a job, with its array, from YAML text (JSON is YAML too).
  public static func read(yaml: String, context: SubmitContext) -> Result<JobRequest, JobFileErrors> {
    do throws(JobFileErrors) {
      let (document, problems) = try JobDocument.read(yaml: yaml)
      var reader = JobFileReader<JobDocument>(context: context, problems: problems)
      return reader.read(document)
    } catch {
      return .failure(error)
    }
  }

  /// Reads a job, with its array, from JSON where it lies, with the same rules: numbers are numbers, everything else is a
  /// string.
  public static func read(json: JSON, context: SubmitContext) -> Result<JobRequest, JobFileErrors> {
    var reader = JobFileReader<JSON>(context: context)
    return reader.read(json)
  }

  /// As `read`, without the array: the job of which its tasks would be copies.
  public static func parse(_ document: JobDocument, context: SubmitContext) -> Result<JobSpec, JobFileErrors> {
    read(document, context: context).map(\.spec)
  }

  public static func parse(yaml: String, context: SubmitContext) -> Result<JobSpec, JobFileErrors> {
    read(yaml: yaml, context: context).map(\.spec)
  }

  public static func parse(json: JSON, context: SubmitContext) -> Result<JobSpec, JobFileErrors> {
    read(json: json, context: context).map(\.spec)
  }
}

extension JobFile {
  /// Whether jobs can ask for devices of this type.
  public static func isDeviceType(_ text: String) -> Bool { JobFileText.isDeviceType(text) }

  /// A length of time as a job file's text says it (`90s`, `1h30m`, `1:30:00`); nil if it is none.
  public static func span(_ text: String) -> Span? {
    switch JobFileQuantities.span(text, quoted: true, zero: true) {
    case .success(let span): span
    case .failure: nil
    }
  }
}
