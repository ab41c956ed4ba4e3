import Foundation
import MusterCore
import Testing

@testable import MusterAgent

@Suite struct RunFolderTests {
  static let member = MemberID(attempt: AttemptID(job: JobID(1), number: 1), index: 0)

  @Test("numbers that no process can have are no process", arguments: [(5, -1), (-5, 1), (0, 1), (1 << 40, 1)])
  func nonsense(pid: Int, start: Int) {
    let folder = NSTemporaryDirectory() + "muster-run-\(UUID().uuidString)"
    defer { removeFolder(folder) }
    #expect(makeFolder(folder) == 0)
    let text = #"{"rank":0,"pid":\#(pid),"start":\#(start)}"#
    writeFile(folder + "/shim.json", text)
    writeFile(folder + "/ranks.json", "[\(text)]")
    let run = RunFolder(Self.member, at: folder)
    #expect(run.shim == nil && run.ranks.isEmpty)
  }

  @Test("what a shim made elsewhere goes with its folder, if it is what a shim makes")
  func remove() throws {
    let base = NSTemporaryDirectory() + "muster-run-\(UUID().uuidString)"
    let (group, other) = (base + "/group", base + "/other")
    let sockets = RunFolder.socketsElsewhere + String(UUID().uuidString.prefix(6))
    defer {
      removeFolder(base)
      removeFolder(sockets)
    }
    for folder in [group, other, sockets, base + "/run"] { #expect(makeFolder(folder) == 0) }
    #expect(writeFile(sockets + "/0", "") == 0 && writeFile(other + "/precious", "") == 0)
    let run = RunFolder(Self.member, at: base + "/run")
    run.note(cgroup: group)
    run.note(sockets: sockets)
    #expect(run.sockets == sockets)
    run.remove()
    for folder in [group, sockets, run.path] { #expect(access(folder, F_OK) != 0, "\(folder) is left") }
    #expect(makeFolder(run.path) == 0)
    run.note(sockets: RunFolder.socketsElsewhere + "x/../.." + other)
    run.remove()
    #expect(access(other + "/precious", F_OK) == 0)
  }
}
