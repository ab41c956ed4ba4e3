import Glibc

/// The ranks of the recovery benchmarks: a tiny C program that appends one line at its start, the moment of its exec:
/// `start NANOSECONDS ATTEMPT RANK` by CLOCK_BOOTTIME. Then it idles, burns a core, or becomes another program.
struct RankProgram {
  let path: String

  init(in folder: String) throws {
    path = folder + "/rank"
    let flags = ["-O1", "-x", "c", "-o", path, "-"]
    // Static: what is measured is the controller's part of a start, not the loader's.
    for command in [["cc", "-static"] + flags, ["clang", "-static"] + flags, ["cc"] + flags] {
      let quiet = open("/dev/null", O_WRONLY | O_CLOEXEC)
      defer { close(quiet) }
      if let result = try? run(command, input: RankProgram.source, errors: quiet), result.code == 0 { return }
    }
    throw Failure("no C compiler: install gcc or clang")
  }

  private static let source = """
    #include <fcntl.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>
    #include <unistd.h>
    int main(int count, char **words) {
      struct timespec now;
      clock_gettime(CLOCK_BOOTTIME, &now);
      const char *attempt = getenv("MUSTER_ATTEMPT"), *rank = getenv("RANK");
      char line[128];
      int length = snprintf(line, sizeof line, "start %lld %s %s\\n", now.tv_sec * 1000000000LL + now.tv_nsec,
                            attempt ? attempt : "0", rank ? rank : "0");
      int file = count > 2 ? open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
      if (file < 0 || write(file, line, length) != length) return 1;
      if (!strcmp(words[2], "busy"))
        for (volatile unsigned long i = 0;; i++) {}
      if (!strcmp(words[2], "exec")) return execv(words[3], words + 3), 127;
      for (;;) pause();
    }

    """
}

/// The file that ranks append to, read as far as it goes.
final class Marks {
  let path: String
  private var starts: [Int: [Int64]] = [:]
  private var readies: [Int: Int] = [:]
  private var consumed = 0

  init(_ path: String) { self.path = path }

  /// When the ranks of an attempt were started.
  func starts(of attempt: Int) -> [Int64] {
    update()
    return starts[attempt] ?? []
  }

  /// How many ranks of an attempt said `ready ATTEMPT`.
  func ready(of attempt: Int) -> Int {
    update()
    return readies[attempt] ?? 0
  }

  private func update() {
    guard fileSize(path) > consumed, let bytes = readFile(path) else { return }
    guard let end = bytes.lastIndex(of: 10), end >= consumed else { return }
    for line in bytes[consumed...end].split(separator: 10) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      if words.count == 4, words[0] == "start", let time = Int64(words[1]), let attempt = Int(words[2]) {
        starts[attempt, default: []].append(time)
      } else if words.count == 2, words[0] == "ready", let attempt = Int(words[1]) {
        readies[attempt, default: 0] += 1
      }
    }
    consumed = end + 1
  }
}

/// A gang of 8 ranks on 4 nodes that restarts for ever.
final class Gang {
  enum Kind: String {
    case idle, busy, torch
  }

  static let ranks = 8
  let fleet: Fleet
  let id: Int
  let marks: Marks
  let kind: Kind
  private(set) var attempt = 1

  init(_ kind: Kind, on fleet: Fleet) throws {
    self.kind = kind
    self.fleet = fleet
    marks = Marks(fleet.folder + "/marks")
    let program = try RankProgram(in: fleet.folder)
    var command = [program.path, marks.path, kind == .torch ? "exec" : kind.rawValue]
    if kind == .torch {
      let script =
        "import os, time, torch; f = open('\(marks.path)', 'a'); f.write('ready ' + os.environ['MUSTER_ATTEMPT'] + chr(10));"
        + " f.flush(); time.sleep(1e6)"
      command += ["/usr/bin/python3", "-c", script]
    }
    let words = command.map { "\"\($0)\"" }.joined(separator: ", ")
    id = try fleet.submit(
      """
      name: gang
      roles:
        main: {nodes: 4, devicesPerNode: 8, ranksPerNode: 2, command: [\(words)], environment: {OMP_NUM_THREADS: "1"}}
      restart: {limit: 1000}
      """)
  }

  struct Rank {
    var rank: Int
    var process: pid_t
    var node: String
  }

  /// Waits until all ranks of the present attempt run, as the controller sees it too.
  func waitUntilRunning() throws -> [Rank] {
    try waitUntil("\(Gang.ranks) ranks of attempt \(attempt) started", seconds: 120) {
      marks.starts(of: attempt).count == Gang.ranks
        && (kind != .torch || marks.ready(of: attempt) == Gang.ranks)
    }
    var ranks: [Rank] = []
    try waitUntil("the controller sees attempt \(attempt) run", seconds: 30) {
      let job = try fleet.get("/v1/jobs/\(id)")
      guard job["attempt"].int == attempt, job["state"].string == "running" else { return false }
      ranks = job["ranks"].array.compactMap { rank in
        guard rank["state"].string == "running", let process = rank["pid"].int, let node = rank["node"].string,
          let number = rank["rank"].int
        else { return nil }
        return Rank(rank: number, process: pid_t(process), node: node)
      }
      return ranks.count == Gang.ranks
    }
    return ranks
  }

  /// Milliseconds from `since` until every rank of the next attempt was started.
  func waitForNextAttempt(since: Int64) throws -> Double {
    attempt += 1
    try waitUntil("\(Gang.ranks) ranks of attempt \(attempt) started", seconds: 120) {
      marks.starts(of: attempt).count == Gang.ranks
    }
    guard let last = marks.starts(of: attempt).max() else { throw Failure("no rank was started") }
    return milliseconds(last - since)
  }
}
