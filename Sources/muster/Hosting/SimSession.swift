import Crypto
import Foundation
import Glibc
import MusterCore
import MusterJournal
import MusterSim

/// Runs one simulation to its end: shows how far it has come, and writes the facts down where a journal is wanted.
struct SimSession {
  struct Finished {
    var results: SimResults
    var stateHash: String
    var facts: Int64
    var wallSeconds: Double
  }

  private let settings: SimSettings
  private let journal: Journal?

  /// `path`: a folder, or the journal.sqlite in one.
  init(_ settings: SimSettings, journal path: String?) throws {
    self.settings = settings
    guard let path else {
      journal = nil
      return
    }
    let file = "/journal.sqlite"
    let folder = path.hasSuffix(file) ? String(path.dropLast(file.count)) : path
    journal = try Self.guarded {
      let journal = try Journal.open(folder: folder)
      guard journal.lastSequence == 0 else { throw CommandFailure.journalExists(folder) }
      return journal
    }
  }

  private static func guarded<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as JournalError {
      throw CommandFailure.journal(code: error.code, "\(error)", remedy: error.remedy)
    }
  }

  func run() throws -> Finished {
    let started = ContinuousClock.now
    var simulation = Simulation(settings)
    var bar = ProgressBar()
    try keep(&simulation)
    while simulation.advance(moments: 1_000) {
      bar.show(simulation.progress)
      try keep(&simulation)
    }
    try keep(&simulation)
    bar.clear()
    try Self.guarded { try journal?.close() }
    let hash = InputFile.sha256(simulation.snapshot())
    let wall = ContinuousClock.now - started
    return Finished(
      results: simulation.results(), stateHash: hash, facts: simulation.sequence,
      wallSeconds: Double(wall.components.seconds) + Double(wall.components.attoseconds) * 1e-18)
  }

  private func keep(_ simulation: inout Simulation) throws {
    guard let journal else { return }
    let facts = simulation.takeFacts()
    guard let last = facts.last else { return }
    var writer = ByteWriter()
    for fact in facts { writer.put(fact) }
    try Self.guarded {
      try journal.append(
        firstSequence: journal.lastSequence + 1, count: facts.count, at: last.at.nanoseconds, facts: writer.bytes)
    }
  }

  /// Rows that could not be used: the first ones here, all of them in --json.
  static func tell(_ rejected: [RejectedRow], of file: String) {
    let shown = 20
    for row in rejected.prefix(shown) { Terminal.error("muster: \(file):\(row.line): \(row.reason)\n") }
    if rejected.count > shown {
      Terminal.error("muster: \(file): \(rejected.count - shown) more rows were rejected; --json lists them all\n")
    }
  }
}

/// One line on a terminal; nothing elsewhere.
private struct ProgressBar {
  private let isWatched = isatty(STDERR_FILENO) == 1
  private var last = ContinuousClock.now

  mutating func show(_ progress: (ended: Int, jobs: Int, now: Int64)) {
    guard isWatched, ContinuousClock.now - last > .milliseconds(100) else { return }
    last = ContinuousClock.now
    let width = 30
    let full = width * progress.ended / max(1, progress.jobs)
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: width - full)
    Terminal.error(
      "\r[\(bar)] \(progress.ended) of \(progress.jobs) jobs, \(CalendarTime.text(milliseconds: progress.now)) ")
  }

  func clear() { if isWatched { Terminal.error("\r\u{1b}[K") } }
}

/// Files that a simulation reads.
enum InputFile {
  static func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw CommandFailure.unreadableFile(path) }
    return Array(data)
  }

  static func understand<T>(_ path: String, _ body: () throws(InputErrors) -> T) throws -> T {
    do throws(InputErrors) {
      return try body()
    } catch {
      throw CommandFailure.wrongInput(error.message(file: path))
    }
  }

  /// 64 hexadecimal digits.
  static func sha256(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// Files that a simulation writes.
enum OutputFile {
  static func write(_ text: String, to path: String) throws {
    if path == "-" { return Terminal.out(text) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw CommandFailure.unwritableFile(path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    do {
      try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Array(text.utf8))
    } catch {
      throw CommandFailure.unwritableFile(path, reason: String(cString: strerror(errno)))
    }
  }
}
