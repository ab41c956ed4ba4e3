import Foundation
import MusterCore
import MusterProtocol
import MusterTestKit
import Testing

@testable import MusterAgent

@Suite struct LeaseFileTests {
  @Test("an agent reads of a lease what the shim wrote last, and nothing once it bounds nothing")
  func writeAndRead() {
    let folder = NSTemporaryDirectory() + "muster-lease-\(UUID().uuidString)"
    #expect(makeFolder(folder) == 0)
    #expect(LeaseFile.read(folder: folder) == nil)
    var file = LeaseFile(folder: folder)
    #expect(LeaseFile.read(folder: folder) == nil)
    file.write(123_456)
    #expect(LeaseFile.read(folder: folder) == 123_456)
    file.write(99)
    #expect(LeaseFile.read(folder: folder) == 99)
    file.write(nil)
    #expect(LeaseFile.read(folder: folder) == nil)
  }
}

@Suite struct NoticeTests {
  @Test("several things may be said at once; unknown ones are ignored")
  func parse() {
    let notice = Notice("STEP=12\nLOSS=1.5\nCHECKPOINT=10\nREADY=1\nWAITED=2.5\nSTATUS=a b\nOTHER=1\n".utf8)
    #expect(notice.step == 12 && notice.checkpoint == 10 && notice.loss == "1.5" && notice.isReady)
    #expect(notice.status == "a b" && notice.waited == 2.5)
  }

  @Test(
    "nonsense says nothing",
    arguments: ["STEP=x", "STEP=-1", "=1", "STEP", "LOSS=abc", "WAITED=-1", "WAITED=nan", "WAITED=1e18", "\0\n\n"])
  func nonsense(text: String) { #expect(Notice(text.utf8) == Notice("".utf8)) }

  @Test("over a hundred a second are dropped, checkpoints never")
  func limit() {
    var limit = NoticeLimit()
    let step = Notice("STEP=1".utf8)
    let admitted = (0..<150).count { _ in limit.admits(step, now: 5_500) }
    #expect(admitted == 100 && limit.dropped == 50)
    let checkpoint = limit.admits(Notice("CHECKPOINT=9".utf8), now: 5_500)
    let later = limit.admits(step, now: 6_000)
    #expect(checkpoint && later)
  }
}

@Suite struct LogTests {
  @Test("under the limit nothing is cut; over it half stays at each end, in whole blocks")
  func cut() throws {
    #expect(LogFile.cut(size: 65_536, limitBytes: 65_536, cutTo: 0) == nil)
    let cut = try #require(LogFile.cut(size: 1 << 20, limitBytes: 65_536, cutTo: 0))
    #expect(cut.from == 32_768 && cut.to == (1 << 20) - 32_768)
    #expect(LogFile.cut(size: (1 << 20) + 100, limitBytes: 65_536, cutTo: cut.to) == nil)
  }

  @Test("a reader gets the beginning, a line that says what was dropped, and the end")
  func read() throws {
    let folder = NSTemporaryDirectory() + "muster-log-\(UUID().uuidString)"
    defer { removeFolder(folder) }
    #expect(makeFolder(folder + "/1/1") == 0)
    let path = folder + "/1/1/rank-0.log"
    let text = "begin" + String(repeating: "x", count: 300_000) + "end"
    var log = try LogFile(path: path, limitBytes: 65_536)
    #expect(
      Array(text.utf8).withUnsafeBytes { Glibc.write(log.descriptor, $0.baseAddress, $0.count) } == text.utf8.count)
    log.keepWithinLimit()
    var (offset, out): (Int64, [UInt8]) = (0, [])
    while true {
      let attempt = AttemptID(job: JobID(1), number: 1)
      let request = LogRead(id: 1, attempt: attempt, rank: 0, offset: offset, limit: 20_000)
      let data = LogReader.read(request, logFolder: folder)
      #expect(data.error.isEmpty)
      out += data.data
      if data.next == offset { break }
      offset = data.next
    }
    let read = String(decoding: out, as: UTF8.self)
    #expect(read.hasPrefix("begin") && read.hasSuffix("end") && read.contains("bytes dropped ...]"))
    #expect(read.utf8.count < 80_000)
  }

  @Test("a cut that lies beyond what is there yet is no error: what was dropped is said, and nothing is invented")
  func cutBeyond() throws {
    let folder = NSTemporaryDirectory() + "muster-log-\(UUID().uuidString)"
    defer { removeFolder(folder) }
    #expect(makeFolder(folder + "/1/1") == 0)
    let path = folder + "/1/1/rank-0.log"
    #expect(writeFile(path, String(repeating: "x", count: 6000)) == 0 && writeFile(path + ".cut", "4096 8192\n") == 0)
    let request = LogRead(id: 1, attempt: AttemptID(job: JobID(1), number: 1), rank: 0, offset: 5000, limit: 100)
    let data = LogReader.read(request, logFolder: folder)
    #expect(data.next == 8192 && String(decoding: data.data, as: UTF8.self) == "\n[... 3192 bytes dropped ...]\n")
  }

  @Test("a cut makes no new file and lengthens none: on a full disk it is what makes room")
  func cutOnFullDisk() throws {
    let folder = NSTemporaryDirectory() + "muster-log-\(UUID().uuidString)"
    defer { removeFolder(folder) }
    #expect(makeFolder(folder) == 0)
    let path = folder + "/rank-0.log"
    var log = try LogFile(path: path, limitBytes: 65_536)
    let before = try #require(try? FileManager.default.attributesOfItem(atPath: path + ".cut"))
    // Stands in the way of every new file beside the log.
    #expect(makeFolder(path + ".cut.new") == 0)
    let text = [UInt8](repeating: 120, count: 300_000)
    #expect(Glibc.write(log.descriptor, text, text.count) == text.count)
    log.keepWithinLimit()
    var status = stat()
    #expect(fstat(log.descriptor, &status) == 0 && Int(status.st_blocks) * 512 < 100_000)
    let after = try FileManager.default.attributesOfItem(atPath: path + ".cut")
    for key in [FileAttributeKey.size, .systemFileNumber] {
      #expect(after[key] as? Int == before[key] as? Int && before[key] as? Int != 0)
    }
    #expect(readSmallFile(path + ".cut")?.hasPrefix("32768 266240 ") == true)
  }

  @Test("a log that is not there is an error that names it")
  func missing() {
    let request = LogRead(id: 3, attempt: AttemptID(job: JobID(9), number: 2), rank: 4, offset: 0, limit: 10)
    let data = LogReader.read(request, logFolder: "/no/such")
    #expect(data.error == "/no/such/9/2/rank-4.log: No such file or directory" && data.id == 3)
  }
}

@Suite struct MemoryTests {
  @Test(
    "the kernel's lines are told from their neighbours",
    arguments: [
      ("Out of memory: Killed process 4242 (python3) total-vm:1kB, anon-rss:2kB", 4242),
      ("Memory cgroup out of memory: Killed process 17 (oom.py) total-vm:5kB", 17),
      ("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task=oom.py,pid=17,uid=0", nil),
      ("oom_reaper: reaped process 17 (oom.py), now anon-rss:0kB", nil),
      ("python3 invoked oom-killer: gfp_mask=0xcc0", nil), ("Killed process 17", nil), ("", nil),
    ] as [(String, Int32?)])
  func kernelLines(line: String, pid: Int32?) { #expect(KernelLog.killedForMemory(line) == pid) }

  @Test("ranks killed in one moment have each its own line, though the log is read once")
  func severalKilled() {
    var kills = MemoryKills()
    let line = { (pid: Int) in "Out of memory: Killed process \(pid) (python3) total-vm:1kB" }
    kills.take([line(17), "python3 invoked oom-killer", line(99), line(18)], of: [16, 17, 18])
    kills.take([], of: [16, 17, 18])
    #expect(kills.evidence(of: 17) == "kernel log: " + line(17))
    #expect(kills.evidence(of: 18) == "kernel log: " + line(18))
    #expect(kills.evidence(of: 16) == "" && kills.evidence(of: 99) == "")
  }

  /// A folder that looks like the kernel's, of either version.
  static func fixture(_ files: [String: String]) throws -> String {
    let root = NSTemporaryDirectory() + "muster-cgroup-\(UUID().uuidString)"
    for (name, text) in files {
      let path = root + "/" + name
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
    return root
  }

  @Test("version 2: the limit is written, a kill is evidence once")
  func version2() throws {
    let root = try Self.fixture([
      "muster.service/cgroup.subtree_control": "cpu memory pids\n", "muster.service/m/memory.max": "max\n",
      "muster.service/m/memory.events": "low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\n",
    ])
    defer { removeFolder(root) }
    var group = try MemoryCgroup(name: "m", limitBytes: 64 << 20, root: root, own: "0::/muster.service\n")
    #expect(group.version == .v2)
    #expect(
      readSmallFile(root + "/muster.service/m/memory.max") == "67108864\n"
        || readSmallFile(root + "/muster.service/m/memory.max")?.hasPrefix("67108864") == true)
    #expect(group.evidence() == "")
    try "oom 3\noom_kill 2\n".write(
      toFile: root + "/muster.service/m/memory.events", atomically: false, encoding: .utf8)
    #expect(group.evidence() == "cgroup v2 memory.events oom_kill 1 -> 2, limit 64 MiB")
    #expect(group.evidence() == "")
  }

  @Test("version 1 where the memory controller is there")
  func version1() throws {
    let root = try Self.fixture([
      "memory/a/m/memory.limit_in_bytes": "0\n",
      "memory/a/m/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    ])
    defer { removeFolder(root) }
    var group = try MemoryCgroup(name: "m", limitBytes: 1 << 20, root: root, own: "4:memory:/a\n0::/\n")
    #expect(group.version == .v1)
    try "oom_kill 1\n".write(toFile: root + "/memory/a/m/memory.oom_control", atomically: false, encoding: .utf8)
    #expect(group.evidence() == "cgroup v1 memory.oom_control oom_kill 0 -> 1, limit 1 MiB")
  }

  @Test("where no memory controller is delegated there is no limit, with the reason")
  func none() throws {
    let root = try Self.fixture(["cgroup.subtree_control": "cpu\n"])
    defer { removeFolder(root) }
    #expect(throws: SystemFailure.self) { _ = try MemoryCgroup(name: "m", limitBytes: 1, root: root, own: "0::/\n") }
  }
}

@Suite struct NVMLTests {
  @Test("without a library there is a reason, not a crash")
  func absent() {
    #expect(NVML.read(library: "libno-such.so.1") == .unavailable(reason: "libno-such.so.1 cannot be loaded"))
  }

  @Test("a library that answers is asked for its devices' names")
  func standIn() throws {
    let folder = NSTemporaryDirectory() + "muster-nvml-\(UUID().uuidString)"
    #expect(makeFolder(folder) == 0)
    defer { removeFolder(folder) }
    let source = """
      #include <string.h>
      int nvmlInit_v2(void) { return 0; }
      int nvmlShutdown(void) { return 0; }
      int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
      int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return i == 0 ? 0 : 15; }
      int nvmlDeviceGetName(void *d, char *name, unsigned size) { (void)d; strncpy(name, "NVIDIA H100", size); return 0; }
      """
    try source.write(toFile: folder + "/nvml.c", atomically: true, encoding: .utf8)
    let compile = try ChildProcess(
      "/usr/bin/cc", ["-shared", "-fPIC", "-o", folder + "/libstand-in.so", folder + "/nvml.c"],
      environment: ["PATH": "/usr/bin:/bin"])
    #expect(try compile.wait() == 0)
    // A device that does not answer is still a device.
    #expect(NVML.read(library: folder + "/libstand-in.so") == .devices(["NVIDIA H100", "unknown"]))
  }
}
