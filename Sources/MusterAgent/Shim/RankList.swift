import CMuster
import Glibc
import MusterCore
import MusterNode
import MusterProtocol

/// The ranks of a member. (A fixed box an entry: the processes are not copyable.)
struct RankList: ~Copyable {
  private final class Entry {
    var process: RankProcess
    init(_ process: consuming RankProcess) { self.process = process }
  }
  private var entries: [Entry] = []

  mutating func add(_ process: consuming RankProcess) { entries.append(Entry(process)) }

  mutating func startAll(
    program: String, environment: RankEnvironment, nullInput: Int32, hostProc: Int32?, cgroup: String?
  ) throws(SpawnFailure) {
    for entry in entries {
      try entry.process.start(
        program: program, environment: environment, nullInput: nullInput, hostProc: hostProc, cgroup: cgroup)
    }
  }

  var outerPIDs: [Int32] { entries.map { $0.process.outerPID } }
  /// Each rank leads a session of its own.
  var sessions: [Int32] { entries.compactMap { $0.process.hasExited || $0.process.pid == 0 ? nil : $0.process.pid } }

  func signal(_ number: Int32, rank: Int32) {
    for entry in entries where entry.process.rank == rank && entry.process.pidfd >= 0 {
      muster_pidfd_signal(entry.process.pidfd, number)
    }
  }

  /// - Returns: the rank and its outer pid, if that process was one.
  func exited(_ pid: Int32) -> (rank: Int32, outerPID: Int32)? {
    for entry in entries where entry.process.pid == pid && !entry.process.hasExited {
      entry.process.exited()
      return (entry.process.rank, entry.process.outerPID)
    }
    return nil
  }

  func readNotices(now: Int64, _ machine: inout ShimMachine) -> Bool {
    var isUrgent = false
    for entry in entries {
      machine.progress(entry.process.rank) { report in
        if entry.process.readNotices(now: now, into: &report) { isUrgent = true }
      }
    }
    return isUrgent
  }

  func refresh(_ machine: inout ShimMachine, now: Int64, probes: Bool) {
    let keeps = machine.wantsProbe
    for entry in entries {
      machine.progress(entry.process.rank) { report in
        // Between two looks the last one stands.
        if probes || !keeps {
          entry.process.refresh(&report, now: now, probes: probes)
        } else {
          entry.process.refreshAge(&report, now: now)
        }
      }
    }
  }

  func keepLogsWithinLimit() {
    for entry in entries { entry.process.log.keepWithinLimit() }
  }

  func addTo(_ list: inout [pollfd]) {
    for entry in entries {
      list.append(pollfd(fd: entry.process.socket.descriptor, events: Int16(POLLIN), revents: 0))
      if entry.process.pidfd >= 0 {
        list.append(pollfd(fd: entry.process.pidfd, events: Int16(POLLIN), revents: 0))
      }
    }
  }

  var identitiesJSON: JSON {
    .array(
      entries.compactMap { entry in
        entry.process.identity.map { identity in
          ["rank": JSON(entry.process.rank), "pid": JSON(identity.pid), "start": JSON(identity.start)]
        }
      })
  }
}
