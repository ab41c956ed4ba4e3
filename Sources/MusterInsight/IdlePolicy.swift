public import MusterDevices

/// Whether a job that uses nothing is told so, and then ended. Off while `warnAfter` is nil.
public struct IdleRules: Hashable, Sendable {
  /// Seconds without any work on any of its devices.
  public var warnAfter: Double?
  /// Seconds; nil: it is never cancelled.
  public var cancelAfter: Double?
  /// Projects that are left alone.
  public var exemptProjects: [String] = []
  /// Jobs of so many devices or more are left alone; nil: none for its size.
  public var exemptDevicesAtLeast: Int?

  public init() {}
}

/// The decision, without a clock and without effects.
public enum IdlePolicy {
  /// A job as it is now.
  public struct Job: Hashable, Sendable {
    public var project: String
    public var devicesAsked: Int
    /// Milliseconds since 1970 from when the running attempt has its devices.
    public var startedAt: Int64
    /// When it was warned, if this attempt was; milliseconds since 1970.
    public var warnedAt: Int64?

    public init(project: String, devicesAsked: Int, startedAt: Int64, warnedAt: Int64?) {
      self.project = project
      self.devicesAsked = devicesAsked
      self.startedAt = startedAt
      self.warnedAt = warnedAt
    }
  }

  public enum Decision: Hashable, Sendable {
    case nothing
    /// What the user is told.
    case warn(String)
    case cancel(String)
  }

  /// Counters older than this say nothing of now, milliseconds.
  static let fresh: Int64 = 120_000
  /// So much of the attempt, and a minute, may not have been seen: work in it is not known.
  static let unseen = 0.1

  /// Only a job whose every device was measured from its attempt's start on, never dark, and did nothing at all, is idle.
  /// One that is still starting has the hour of `DeviceThresholds.longestStart`. It is cancelled only when the time
  /// between warning and cancelling has passed since it was warned.
  /// - Parameter now: milliseconds since 1970.
  public static func decide(_ rules: IdleRules, _ job: Job, _ devices: JobDevices?, now: Int64) -> Decision {
    guard let warnAfter = rules.warnAfter, let devices, isMeant(rules, job), let idle = IdleDevices(devices),
      idle.count == devices.devices.count, idle.count >= job.devicesAsked,
      devices.devices.allSatisfy({ now - $0.seenAt <= fresh })
    else { return .nothing }
    let age = Double(now - job.startedAt) / 1000
    guard age - idle.seconds <= age * unseen + 60 else { return .nothing }
    let isStarting = devices.devices.contains { $0.state == .starting }
    if isStarting, age < DeviceThresholds().longestStart { return .nothing }
    let used = "\(Words.none(idle.count)) used for \(Words.length(idle.seconds))"
    guard let warnedAt = job.warnedAt else {
      guard idle.seconds >= warnAfter else { return .nothing }
      let rest = rules.cancelAfter.map { max(0, $0 - warnAfter) }
      let then = rest.map { "; it is cancelled in \(Words.length($0)) if that stays so" } ?? ""
      return .warn(used + then)
    }
    guard let cancelAfter = rules.cancelAfter, idle.seconds >= cancelAfter,
      Double(now - warnedAt) / 1000 >= cancelAfter - warnAfter
    else { return .nothing }
    return .cancel("\(used) (idle.cancelAfter is \(Words.length(cancelAfter)))")
  }

  private static func isMeant(_ rules: IdleRules, _ job: Job) -> Bool {
    guard job.devicesAsked > 0, !rules.exemptProjects.contains(job.project) else { return false }
    return rules.exemptDevicesAtLeast.map { job.devicesAsked < $0 } ?? true
  }
}
