import Glibc

/// How a journal is kept.
public struct JournalOptions: Sendable {
  /// When submissions are refused and the reserve is given back.
  public var disk: DiskGuard.Limits
  /// SQLite copies its log into the database once the log has this many pages of 4 KiB, inside the commit that reaches
  /// it. Fewer make that commit shorter and more frequent.
  public var logPages: Int
  /// A journal of so many bytes is checked from its first fact when it is opened, however new its snapshot is; of a
  /// larger one only what follows the newest snapshot (`JournalReader.verify` for the rest).
  public var wholeCheckBytes: Int64
  /// What lies before the newest snapshot is not looked at, and may be damaged.
  public var trustsSnapshot: Bool
  /// How long a commit waits for another program that holds the database's write lock (a person with the sqlite3
  /// shell; Muster itself never does), in seconds.
  public var busySeconds: Double
  /// Free bytes of the disk under a path, as an ordinary user may use them. A parameter so that tests can fill a disk
  /// that is not full.
  public var freeBytes: @Sendable (_ path: String) throws(JournalError) -> Int64

  public init(
    disk: DiskGuard.Limits = DiskGuard.Limits(), logPages: Int = 1000,
    wholeCheckBytes: Int64 = 256 << 20, trustsSnapshot: Bool = false, busySeconds: Double = 5,
    freeBytes: @escaping @Sendable (_ path: String) throws(JournalError) -> Int64 = JournalOptions.statvfsFreeBytes
  ) {
    self.disk = disk
    self.logPages = logPages
    self.wholeCheckBytes = wholeCheckBytes
    self.trustsSnapshot = trustsSnapshot
    self.busySeconds = busySeconds
    self.freeBytes = freeBytes
  }

  /// What statvfs(2) says: `f_bavail` blocks of `f_frsize` bytes.
  public static func statvfsFreeBytes(_ path: String) throws(JournalError) -> Int64 {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw .lastCall("statvfs", path) }
    return Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }
}
