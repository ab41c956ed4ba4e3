/// How much room the journal's disk has, and what follows from it.
public enum SpaceState: Hashable, Sendable {
  /// All is taken.
  case normal(freeBytes: Int64)
  /// Submissions are to be refused until `neededBytes` are free; facts of running jobs are written.
  case low(freeBytes: Int64, neededBytes: Int64)
  /// As `low`, and the reserve has been given back so that facts of running jobs still fit.
  case full(freeBytes: Int64, neededBytes: Int64)
}

/// Decides from the free bytes of the disk whether submissions are taken and whether the reserve is held. A value: it
/// reads no disk and changes nothing but itself.
///
/// While the reserve is not held its bytes are owed: they count as used. So giving the reserve back does not look like
/// recovery, and the guard does not swing. A state is left upwards only `slackBytes` above the mark that led into it.
public struct DiskGuard: Hashable, Sendable {
  /// Marks in bytes.
  public struct Limits: Hashable, Sendable {
    /// Submissions are refused below this.
    public var lowBytes: Int64
    /// The reserve is given back below this.
    public var fullBytes: Int64
    /// How far above a mark the free space must be before the state is left.
    public var slackBytes: Int64
    /// The size of the reserve; 0 for none.
    public var reserveBytes: Int64

    public init(
      lowBytes: Int64 = 64 << 20, fullBytes: Int64 = 4 << 20, slackBytes: Int64 = 16 << 20,
      reserveBytes: Int64 = 16 << 20
    ) {
      self.lowBytes = lowBytes
      self.fullBytes = fullBytes
      self.slackBytes = slackBytes
      self.reserveBytes = reserveBytes
    }
  }

  private enum Level { case normal, low, full }

  public let limits: Limits
  private var level = Level.normal

  public init(limits: Limits = Limits()) { self.limits = limits }

  /// The state now that the disk has `freeBytes` free.
  public mutating func observe(freeBytes: Int64, reserveHeld: Bool) -> SpaceState {
    let owed = reserveHeld ? 0 : limits.reserveBytes
    let usable = freeBytes - owed
    level = next(usable: usable)
    let needed = limits.lowBytes + limits.slackBytes + owed
    return switch level {
    case .normal: .normal(freeBytes: freeBytes)
    case .low: .low(freeBytes: freeBytes, neededBytes: needed)
    case .full: .full(freeBytes: freeBytes, neededBytes: needed)
    }
  }

  /// A write found no space, whatever the disk says of itself (quotas do not show in its free bytes).
  public mutating func writeFailed() { level = .full }

  private func next(usable: Int64) -> Level {
    switch level {
    case .normal where usable >= limits.lowBytes: .normal
    case .low, .full:
      if usable >= limits.lowBytes + limits.slackBytes {
        .normal
      } else if usable < limits.fullBytes {
        .full
      } else {
        level == .full && usable < limits.fullBytes + limits.slackBytes ? .full : .low
      }
    case .normal: usable < limits.fullBytes ? .full : .low
    }
  }
}
