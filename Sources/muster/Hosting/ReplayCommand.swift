import ArgumentParser
import Glibc
import MusterCore
import MusterJournal
import MusterProtocol
import MusterServer

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Fold a journal and print the state then, and its hash.",
    discussion:
      "Reads every fact and checks the chain; changes nothing. JOURNAL is a data folder or its journal.sqlite.")

  @Argument(help: "A data folder, or the journal.sqlite in one.", completion: .file())
  var journal: String

  @Option(help: "The last fact to fold; default: all.")
  var until: Int64?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let until, until < 0 { throw ValidationError("--until is \(until): a fact's sequence, 0 or more") }
  }

  func run() throws {
    let replayed: Replay
    do {
      replayed = try Replay(path: Paths.absolute(journal), until: until)
    } catch let error as JournalError {
      throw Self.failure(error)
    } catch let error as CodingError {
      throw CommandFailure.journal(code: "journalFact", "\(error)", remedy: error.remedy)
    }
    Terminal.out(json ? replayed.json.pretty + "\n" : replayed.text)
  }

  private static func failure(_ error: JournalError) -> CommandFailure {
    switch error {
    case .system(_, let path, ENOENT), .system(_, let path, ENOTDIR): .noJournal(path)
    case .beyondEnd(let asked, let last): .beyondJournal(asked: asked, last: last)
    default: .journal(code: error.code, "\(error)", remedy: error.remedy)
    }
  }
}
