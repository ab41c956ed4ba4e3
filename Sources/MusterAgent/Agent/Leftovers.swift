import CMuster
import Glibc
import MusterCore

/// What may outlive a shim that was not init of a PID namespace: found in /proc and killed, look after look, until two
/// looks in a row have found nothing. No look waits for anything, and no time that has passed counts as an end.
///
/// A process is the member's if it is one of the ranks, is in a rank's session, in the member's memory cgroup or was
/// started with the member's notice socket in its environment; and so is all that descends from one. Where the agent is
/// the subreaper above the shim, what has lost its parents falls to the agent, whatever it did to its session and
/// environment. Without that (another agent had started the shim), what left session, cgroup and environment is missed.
struct Leftovers {
  let folder: RunFolder
  var member: MemberID { folder.member }
  /// Boot-time milliseconds.
  let since: Int64
  private let known: Known
  private var emptyLooks = 0
  private(set) var found: Set<ProcessIdentity> = []

  static let looksWithoutAny = 2
  /// Between two looks: at first, as a rule enough; later something is held in the kernel. Milliseconds.
  static let interval: Int64 = 20
  static let longInterval: Int64 = 500
  static let longAfter: Int64 = 1_000

  /// - Parameter aliveLately: ranks that were seen alive just before the shim's end: their session's number can only mean
  ///   their session, even if they are gone by now.
  init(of folder: RunFolder, aliveLately: [ProcessIdentity], now: Int64) {
    self.folder = folder
    since = now
    known = Known(
      ranks: folder.ranks, aliveLately: Set(aliveLately), shimStart: folder.shim?.start ?? 0,
      marker: "MUSTER_NOTIFY_SOCKET=\(folder.sockets)/")
  }

  var isGone: Bool { emptyLooks >= Self.looksWithoutAny }
  func nextLook(now: Int64) -> Int64 { now + (now - since < Self.longAfter ? Self.interval : Self.longInterval) }

  /// Kills what is there. - Parameter adopter: see `find`. - Returns: what no earlier look had found.
  mutating func look(_ table: [ProcessTable.Row], adopter: Adopter?) -> [ProcessIdentity] {
    let cgroup = folder.cgroup.flatMap { readSmallFile("\($0)/cgroup.procs") } ?? ""
    let inCgroup = Set(cgroup.split(separator: "\n").compactMap { Int32($0) })
    let here = Self.find(known, in: table, inCgroup: inCgroup, adopter: adopter) {
      ProcessTable.environment(of: $0, has: known.marker)
    }
    emptyLooks = here.isEmpty ? emptyLooks + 1 : 0
    for process in here {
      guard let pidfd = ProcessTable.open(process) else { continue }
      muster_pidfd_signal(pidfd, SIGKILL)
      close(pidfd)
    }
    let new = here.filter { !found.contains($0) }
    found.formUnion(here)
    return new
  }

  /// What is known of a member.
  struct Known {
    var ranks: [ProcessIdentity]
    var aliveLately: Set<ProcessIdentity>
    /// Nothing of the member is older.
    var shimStart: UInt64
    /// Begins a variable that only this member's processes are started with.
    var marker: String
  }

  /// A subreaper above the shims: its children are shims, and what dead shims left.
  struct Adopter {
    var pid: Int32
    var shims: Set<Int32>
  }

  static func find(
    _ known: Known, in table: [ProcessTable.Row], inCgroup: Set<Int32>, adopter: Adopter?,
    hasMarker: (Int32) -> Bool
  ) -> [ProcessIdentity] {
    let byPID = Dictionary(table.map { ($0.pid, $0) }) { first, _ in first }
    /// A number may be another process's by now, and then its session is not ours.
    func isSession(_ session: Int32, since start: UInt64) -> Bool {
      known.ranks.contains { rank in
        guard rank.pid == session, start >= rank.start else { return false }
        return byPID[session].map { $0.start == rank.start } ?? known.aliveLately.contains(rank)
      }
    }
    let own = getpid()
    func isRoot(_ row: ProcessTable.Row) -> Bool {
      guard row.start >= known.shimStart, row.pid != own, row.pid != adopter?.pid else { return false }
      if let adopter {
        if adopter.shims.contains(row.pid) { return false }
        if row.parent == adopter.pid { return true }
      }
      return isSession(row.session, since: row.start) || inCgroup.contains(row.pid) || hasMarker(row.pid)
    }
    var ours = Set(table.filter(isRoot).map(\.pid))
    var children: [Int32: [Int32]] = [:]
    for row in table { children[row.parent, default: []].append(row.pid) }
    var open = Array(ours)
    while let pid = open.popLast() {
      for child in children[pid] ?? [] where ours.insert(child).inserted { open.append(child) }
    }
    return table.filter { ours.contains($0.pid) && $0.isAlive }.map(\.identity)
  }

  /// Collects what has ended of what fell to this process.
  static func reap(_ table: [ProcessTable.Row], adopter: Adopter) {
    for row in table where row.parent == adopter.pid && !adopter.shims.contains(row.pid) {
      waitpid(row.pid, nil, WNOHANG)
    }
  }
}
