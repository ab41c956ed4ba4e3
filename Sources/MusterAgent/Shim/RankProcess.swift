import CMuster
import Glibc
import MusterCore
import MusterNode
import MusterProtocol

/// One rank: its process, its log, its socket. Owned by the shim's loop.
struct RankProcess: ~Copyable {
  let rank: Int32
  var socket: NoticeSocket
  var log: LogFile
  /// As our own /proc numbers it; 0 before the start.
  private(set) var pid: Int32 = 0
  private(set) var pidfd: Int32 = -1
  /// As the host sees it.
  private(set) var outerPID: Int32 = 0
  private(set) var hasExited = false
  private var limit = NoticeLimit()
  private var probe = RankProbe()
  private var steps = StepTimes()
  private var statuses = StatusClock()

  init(rank: Int32, input: ShimInput, socketFolder: String) throws(SystemFailure) {
    let socket = try NoticeSocket(folder: socketFolder, rank: rank)
    let log = try LogFile(path: "\(input.logFolder)/rank-\(rank).log", limitBytes: input.launch.logLimitBytes)
    self.rank = rank
    self.socket = socket
    self.log = log
  }

  deinit { if pidfd >= 0 { close(pidfd) } }

  mutating func start(
    program: String, environment: RankEnvironment, nullInput: Int32, hostProc: Int32?, cgroup: String?
  ) throws(SpawnFailure) {
    let launch = environment.input.launch
    let child = try spawn(
      SpawnRequest(
        path: program, arguments: launch.command,
        environment: environment.variables(localRank: rank - launch.firstRank, noticeSocket: socket.path),
        directory: launch.workingDirectory, standardInput: nullInput, standardOutput: log.descriptor,
        standardError: log.descriptor,
        flags: Int32(MUSTER_SPAWN_SESSION | MUSTER_SPAWN_DIE_WITH_PARENT), cgroupProcs: cgroup))
    pid = child.pid
    pidfd = child.pidfd
    outerPID = hostProc.flatMap { ProcessTable.outerPID(hostProc: $0, pidfd: child.pidfd) } ?? child.pid
  }

  mutating func exited() {
    hasExited = true
    if pidfd >= 0 { close(pidfd) }
    pidfd = -1
  }

  /// Reads what the rank said. - Returns: whether the controller should hear of it at once.
  mutating func readNotices(now: Int64, into report: inout RankReport) -> Bool {
    var isUrgent = false
    while let notice = socket.receive() {
      guard limit.admits(notice, now: now) else { continue }
      if let step = notice.step {
        isUrgent = isUrgent || report.step == nil
        if report.step != step { steps.said(status: report.status, now: now) }
        report.step = step
        if notice.status == nil, !report.status.isEmpty {
          report.status = ""
          statuses.changed(to: "", now: now)
          isUrgent = true
        }
      }
      if let loss = notice.loss { report.loss = loss }
      if let waited = notice.waited {
        report.waited = max(report.waited ?? .zero, .milliseconds(Int64(waited * 1000)))
        report.waitsSaid += 1
      }
      if let status = notice.status, status != report.status {
        report.status = status
        statuses.changed(to: status, now: now)
        isUrgent = true
      }
      if let checkpoint = notice.checkpoint, checkpoint > report.checkpoint ?? -1 {
        report.checkpoint = checkpoint
        isUrgent = true
        // What it saved for is done.
        if notice.status == nil, StatusTimes.account(ofStatus: report.status) == .checkpointing {
          report.status = ""
          statuses.changed(to: "", now: now)
        }
      }
    }
    return isUrgent
  }

  func refreshAge(_ report: inout RankReport, now: Int64) {
    steps.describe(in: &report, now: now)
    statuses.describe(in: &report)
  }

  mutating func refresh(_ report: inout RankReport, now: Int64, probes: Bool) {
    if !hasExited { statuses.pass(now) }
    refreshAge(&report, now: now)
    if probes, !hasExited, pid != 0 {
      report.probe = probe.look(pid, now: now) ?? report.probe
    } else {
      report.probe = nil
      probe = RankProbe()
    }
  }

  /// A process that a later agent must be able to find.
  var identity: ProcessIdentity? {
    guard pid != 0, let inner = ProcessTable.identity(pid) else { return nil }
    return ProcessIdentity(pid: outerPID, start: inner.start)
  }
}
