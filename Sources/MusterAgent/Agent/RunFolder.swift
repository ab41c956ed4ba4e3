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

  init(_ member: MemberID, at path: String) {
    self.member = member
    self.path = path
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

  /// Whether the end of the shim is the end of all under it: it is init of a PID namespace.
  var isNamespace: Bool { read("shim.json")?["namespace"]?.boolValue ?? false }

  /// As the shim wrote them down when it started them.
  var ranks: [ProcessIdentity] { (read("ranks.json")?.arrayValue ?? []).compactMap(Self.identity) }

  private func read(_ name: String) -> JSON? {
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

  // What lies elsewhere and has to go with the folder: the shim notes it, for it may be killed.

  func note(cgroup: String) { writeFile(path + "/cgroup", cgroup) }
  func note(sockets: String) { writeFile(path + "/sockets", sockets) }

  var cgroup: String? { readSmallFile(path + "/cgroup") }

  /// Where the ranks' sockets are.
  var sockets: String { elsewhere ?? path }

  static let socketsElsewhere = "/tmp/muster-"

  private var elsewhere: String? {
    guard let noted = readSmallFile(path + "/sockets"), noted.hasPrefix(Self.socketsElsewhere),
      !noted.dropFirst(Self.socketsElsewhere.count).contains("/")
    else { return nil }
    return noted
  }

  /// With what was made for the member elsewhere.
  func remove() {
    if let cgroup { rmdir(cgroup) }
    if let elsewhere { removeFolder(elsewhere) }
    removeFolder(path)
  }
}
