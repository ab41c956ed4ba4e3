import CMuster
import Glibc
import MusterCore
import MusterProtocol

/// `DIR/run/JOB.ATTEMPT.MEMBER/`: what an agent must find again after its own death.
struct RunFolder {
  let member: MemberID
  let path: String

  init(_ member: MemberID, in dataFolder: String) {
    self.member = member
    path = "\(dataFolder)/run/\(member.attempt.job).\(member.attempt.number).\(member.index)"
  }

  static func all(in dataFolder: String) -> [RunFolder] {
    names(in: dataFolder + "/run").compactMap { name in
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 3, let job = Int64(parts[0]), let attempt = Int32(parts[1]), let index = Int32(parts[2])
      else {
        return nil
      }
      return RunFolder(
        MemberID(attempt: AttemptID(job: JobID(job), number: attempt), index: index), in: dataFolder)
    }
  }

  /// - Returns: 0, or the errno.
  func record(shim: ProcessIdentity, inNamespace: Bool) -> Int32 {
    let json: JSON = ["pid": JSON(shim.pid), "start": JSON(shim.start), "namespace": .bool(inNamespace)]
    return writeFile(path + "/shim.json", json.text)
  }

  var shim: ProcessIdentity? { Self.identity(read("shim.json")) }

  /// As the shim wrote them down when it started them.
  var ranks: [ProcessIdentity] { (read("ranks.json")?.arrayValue ?? []).compactMap(Self.identity) }

  private func read(_ name: String) -> JSON? {
  /// Whether the end of the shim is the end of all under it: it is init of a PID namespace.
  var isNamespace: Bool { read("shim.json")?["namespace"]?.boolValue ?? false }

    guard let text = readSmallFile("\(path)/\(name)") else { return nil }
    do {
      return try JSON.parse(text)
    } catch {
      // Written whole or not at all; a damaged file tells nothing, as if it were not there.
      return nil
    }
  }

  private static func identity(_ json: JSON?) -> ProcessIdentity? {
    guard let pid = json?["pid"]?.intValue.flatMap({ Int32(exactly: $0) }), pid > 0,
      let start = json?["start"]?.intValue.flatMap({ UInt64(exactly: $0) })
    else { return nil }
    return ProcessIdentity(pid: pid, start: start)
  }

  /// Kills ranks that outlived their shim, and waits for their end. They are not our children: their pidfds tell.
  func killOrphans() {
    for rank in ranks {
      guard let pidfd = ProcessTable.open(rank) else { continue }
      defer { close(pidfd) }
      // The rank leads a session: what it started goes with it.
      kill(-rank.pid, SIGKILL)
      muster_pidfd_signal(pidfd, SIGKILL)
      var entry = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
      while poll(&entry, 1, 10_000) < 0, errno == EINTR {}
    }
  }
}
