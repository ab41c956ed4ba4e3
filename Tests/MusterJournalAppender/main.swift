import Glibc
import MusterJournal

// Appends to a journal until it is killed, and says after each commit what is acknowledged: `FIRST COUNT`, one line,
// one write(2). The first line is `open LAST`. The durability test starts it, kills it and holds it to its word.
//
//   MusterJournalAppender FOLDER RUN [FILE-SIZE-LIMIT]
//
// With a limit every file that it writes fails to grow beyond that many bytes, which SQLite meets as an I/O error. It
// then says `failed CODE`, tries once more and says `again CODE`, reopens, says `open LAST`, and ends.

func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  guard write(1, bytes, bytes.count) == bytes.count else { exit(3) }
}

/// What a batch holds follows from the run and its place, so that the test can tell whose batch it finds.
func facts(run: String, firstSequence: Int64, count: Int) -> [UInt8] {
  let pad = String(repeating: "x", count: Int(firstSequence % 7) * 300)
  return (0..<count).flatMap { Array("run \(run) fact \(firstSequence + Int64($0)) \(pad)\n".utf8) }
}

func appendForEver(_ journal: Journal, run: String) throws(JournalError) {
  while true {
    let first = journal.lastSequence + 1
    let count = 1 + Int(first % 5)
    try journal.append(
      firstSequence: first, count: count, at: first * 1000, facts: facts(run: run, firstSequence: first, count: count))
    say("\(first) \(count)")
  }
}

func limitFiles(to bytes: UInt) {
  signal(SIGXFSZ, SIG_IGN)
  var limit = rlimit(rlim_cur: bytes, rlim_max: rlim_t.max)
  _ = getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
  limit.rlim_cur = bytes
  guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(3) }
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else { exit(2) }
do {
  let limit = arguments.count > 3 ? UInt(arguments[3]) : nil
  let journal = try Journal.open(
    folder: arguments[1], options: JournalOptions(disk: DiskGuard.Limits(reserveBytes: 0)))
  say("open \(journal.lastSequence)")
  if let limit { limitFiles(to: limit) }
  do {
    try appendForEver(journal, run: arguments[2])
  } catch {
    say("failed \(error.code)")
    do {
      try journal.append(firstSequence: journal.lastSequence + 1, count: 1, at: 0, facts: [1])
      say("again accepted")
    } catch {
      say("again \(error.code)")
    }
    limitFiles(to: rlim_t.max)
    try journal.reopen()
    say("open \(journal.lastSequence)")
  }
} catch {
  say("refused \(error.code) \(error)")
  exit(1)
}
