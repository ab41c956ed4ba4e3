import Glibc
import Logging
import MusterDevices

/// What is kept of telemetry on disk. What goes wrong here costs history, never the service: it is said once an hour at
/// most, and the next rows are tried again. Nothing is synced: a power cut takes the last minute.
actor RollupStore {
  private let dataFolder: String
  private let folder: RollupFolder
  private let jobs: JobArchive
  private let logger: Logger
  private var complainedAt: Int64?
  private var now: Int64 = 0
  /// On disk, as of the last look.
  private(set) var bytes: Int64 = 0

  /// Below it nothing is written: the room is the journal's.
  static let leastFree: Int64 = 1 << 30

  /// - Parameter dataFolder: the controller's; it is there.
  init(dataFolder: String, kept: RollupsKept, logger: Logger) {
    self.dataFolder = dataFolder
    folder = RollupFolder(path: dataFolder + "/rollups", kept: kept)
    jobs = JobArchive(path: dataFolder + "/rollups")
    self.logger = logger
  }

  func write(_ level: RollupLevel, _ rows: [RollupRow], now: Int64) {
    guard !rows.isEmpty, hasRoom(now) else { return }
    do throws(StoreFault) {
      try folder.append(level, rows)
    } catch {
      complain("\(error); \(rows.count) rows of \(level.rawValue) are lost")
    }
  }

  func write(running: [(job: Int64, devices: JobDevices)], now: Int64) {
    guard hasRoom(now) else { return }
    do throws(StoreFault) {
      try jobs.write(running: running, now: now)
    } catch {
      complain("\(error); after a restart running jobs lack what was measured until now")
    }
  }

  func archive(_ quiet: [Int64: JobDevices], now: Int64) {
    guard !quiet.isEmpty, hasRoom(now) else { return }
    do throws(StoreFault) {
      for (job, devices) in quiet.sorted(by: { $0.key < $1.key }) { try jobs.append(job, devices, now: now) }
    } catch {
      complain("\(error); what the devices of \(quiet.count) jobs did is lost")
    }
  }

  func rows(_ level: RollupLevel, of key: Int64, in range: Range<Int64>) -> [NodeRollup] {
    folder.rows(level, of: key, in: range) { complain("\($0)") }.compactMap { bytes in
      do throws(PackedFault) {
        return try NodeRollup(packed: bytes)
      } catch {
        complain("a damaged row of \(level.rawValue) was passed over")
        return nil
      }
    }
  }

  func devices(of job: Int64) -> JobDevices? { jobs.read(job) }

  func devices(of wanted: Set<Int64>) -> [Int64: JobDevices] { jobs.read(wanted) }

  func runningJobs() -> [Int64: JobDevices] { jobs.readRunning() }

  /// Deletes what is too old, and looks how much there is.
  func dropOld(now: Int64) {
    folder.dropOld(now: now)
    jobs.drop(before: (now - folder.kept.hours) / 1000)
    bytes = folder.bytes + jobs.bytes
  }

  private func hasRoom(_ now: Int64) -> Bool {
    self.now = now
    var space = statvfs()
    guard statvfs(dataFolder, &space) == 0 else { return true }
    let free = Int64(clamping: UInt64(space.f_bavail) * UInt64(space.f_frsize))
    guard free < Self.leastFree else { return true }
    complain("\(free >> 20) MiB are free: no history is written below \(Self.leastFree >> 20)")
    return false
  }

  private func complain(_ what: String) {
    if let complainedAt, now - complainedAt < 3_600_000 { return }
    complainedAt = now
    logger.error("rollups: \(what)")
  }
}
