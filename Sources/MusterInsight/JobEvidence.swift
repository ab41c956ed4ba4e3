public import MusterDevices

/// All that is known of one job's run, or of the part of it that is asked about. Findings rest on this and on nothing
/// else.
public struct JobEvidence: Hashable, Sendable {
  /// What the ledger has of it, in GPU-milliseconds.
  public struct Accounts: Hashable, Sendable {
    public var productive: Int64 = 0
    public var starting: Int64 = 0
    public var redone: Int64 = 0
    public var hung: Int64 = 0
    public var inputStall: Int64 = 0
    public var straggling: Int64 = 0
    /// Of all accounts together.
    public var held: Int64 = 0

    public init() {}
  }

  /// What `CheckpointAdvice` knows. Seconds, and shares of the time.
  public struct Checkpoints: Hashable, Sendable {
    public var interval: Double
    public var suggested: Double
    public var loss: Double
    public var suggestedLoss: Double
    /// Another interval would gain nothing worth saying.
    public var isRight: Bool
    /// What the suggested one would save in a week of running like this.
    public var gainGPUHoursAWeek: Double

    public init(
      interval: Double, suggested: Double, loss: Double, suggestedLoss: Double, isRight: Bool = false,
      gainGPUHoursAWeek: Double = 0
    ) {
      self.isRight = isRight
      self.gainGPUHoursAWeek = gainGPUHoursAWeek
      self.interval = interval
      self.suggested = suggested
      self.loss = loss
      self.suggestedLoss = suggestedLoss
    }
  }

  /// Seconds of its attempts.
  public var seconds = 0.0
  public var devicesAsked = 0
  /// As the node's agent or a person calls it; of several types as `DevicePart.together` does.
  public var deviceType = ""
  /// Each type with its devices, where they are of several; else empty.
  public var parts: [Part] = []

  public struct Part: Hashable, Sendable {
    public var deviceType: String
    public var devices: Int

    public init(deviceType: String, devices: Int) {
      self.deviceType = deviceType
      self.devices = devices
    }
  }

  /// It has ended of itself, well or not: its walltime could be judged.
  public var hasCompleted = false
  public var accounts = Accounts()
  /// Seconds; nil: it asked for none.
  public var walltimeAsked: Double?
  /// The rank that the others wait for, as they say, and the node that runs it; nil: nobody says.
  public var slowRank: Int?
  public var slowNode: String?
  /// Attempts that a fault ended.
  public var faults = 0
  /// Checkpoints that were accepted.
  public var checkpointCount = 0
  /// Seconds of work; nil: no fault yet.
  public var meanTimeBetweenFailures: Double?
  public var checkpoints: Checkpoints?
  /// The accounts are of a part of its run; the declared model is of all of it, and so are counters but for `countersArePart`.
  public var isPart = false
  /// Counters are of the same part, to the minute.
  public var countersArePart = false
  /// What its devices would have been held for without a pause from its first start to its end or now, GPU-milliseconds.
  public var heldInRun: Int64 = 0
  /// What its devices' counters say; nil: there are none.
  public var devices: JobDevices? {
    get { boxed?.devices }
    set { boxed = newValue.map(Boxed.devices) }
  }
  /// Most of what there is to copy, and evidence of thousands of jobs is copied from hand to hand.
  private var boxed: Boxed?

  private indirect enum Boxed: Hashable, Sendable {
    case devices(JobDevices)

    var devices: JobDevices {
      switch self {
      case .devices(let devices): devices
      }
    }
  }

  /// 0...1: from the model that the job declared and its steps; above 1 where what it declares cannot be. Nil: it declared
  /// none.
  public var declaredMFU: Double?
  /// What its matrices run in, as its model declares; nil: it declared none.
  public var precision: String?
  /// What its user has held so far, in GPU-hours.
  public var userGPUHours = 0.0

  public init() {}
}

extension JobEvidence {
  /// What its devices are, if the table has it.
  public var part: DevicePart? { match.part }

  private var match: DevicePart.Match {
    guard let type = devices?.deviceType, type != deviceType else { return DevicePart.matching(deviceType) }
    let match = DevicePart.matching(type)
    if case .mixed = match { return .mixed }
    return match.part == nil && !deviceType.isEmpty ? DevicePart.matching(deviceType) : match
  }

  /// Why the table of parts tells nothing of its devices; nil: it does.
  public var partNote: String? {
    let type = deviceType.isEmpty ? devices?.deviceType ?? "" : deviceType
    switch match {
    case .part: return nil
    case .several(let names):
      return
        "the device type \"\(type)\" may be \(names.joined(separator: " or ")), which differ: a node that names one "
        + "of them (--device-type) has its MFU told"
    case .mixed:
      let types = DevicePart.together([deviceType, devices?.deviceType ?? ""].filter { !$0.isEmpty })
      return "its devices are of several types (\(types)): no one peak holds for them, so no MFU"
    case .unknown:
      return type.isEmpty
        ? "its devices have no type (--device-type)" : "the table of parts has no \"\(type)\" (docs/devices.md)"
    }
  }

  /// Why counters tell no MFU of a part that the table has; nil: they do, or it has none, or nobody reads counters.
  public var countersNote: String? {
    guard counterMFU == nil, devices != nil, let part else { return nil }
    guard CounterMFU.basis(part, counterRate) == nil else {
      return "the counters of its devices did not tell tensor activity and clock: no MFU from them"
    }
    return "the SMs and the clock of \(part.name) are not published: no MFU from counters; a declared `model:` tells it"
  }

  /// What the counters' figure is told in: the declared precision, where the part's is known; nil: the part's own.
  var counterRate: MatrixRate? { precision.flatMap { part?.matrixRate(of: $0) } }

  public var gpuHoursHeld: Double { Double(accounts.held) / 3_600_000 }

  /// 0...1 of the dense peak, from counters; nil where they do not tell it.
  public var counterMFU: Double? {
    guard let devices, let part else { return nil }
    return devices.mfu(part, counterRate)
  }

  /// What `counterMFU` rests on, for people; nil where there is none.
  public var counterBasis: String? {
    guard counterMFU != nil, let part else { return nil }
    let why: String
    if let precision {
      why = counterRate == nil ? "for of \(precision), which is declared, no FLOP a clock is known" : "as declared"
    } else {
      why = "no precision is declared"
    }
    return CounterMFU.basis(part, counterRate, why: why)
  }

  /// What `declaredMFU` rests on, for people; nil where there is none.
  public var declaredBasis: String? {
    guard declaredMFU != nil, let precision, let peak = part?.peak(of: precision) else { return nil }
    return "FLOPs of the declared model x steps said, over \(devicesAsked) x \(peak) TFLOP/s (dense \(precision))"
  }

  /// Whether the counters saw so much of the run that they speak for it.
  public func isMeasured(_ thresholds: Thresholds) -> Bool {
    guard let devices, accounts.held > 0 else { return false }
    let held = isPart && !countersArePart ? max(accounts.held, heldInRun) : accounts.held
    // In a blackout they saw nothing.
    return Double(devices.total.litMilliseconds) >= thresholds(.measuredShare) * Double(held)
  }
}
