import ArgumentParser
import MusterClient
import MusterProtocol

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel jobs: their ranks are stopped as the job file says.")

  @Argument(help: "The jobs' numbers.")
  var ids: [Int64]

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    var answers: [JSON] = []
    var firstError: ClientError?
    for id in ids {
      do {
        answers.append(try client.post("/v1/jobs/\(id)/cancel"))
      } catch {
        // The others are cancelled all the same, unless nobody answers.
        Terminal.error(ErrorText.text(error, isJSON: connection.json))
        firstError = firstError ?? error
        if error.passes { break }
      }
    }
    if !answers.isEmpty {
      connection.show(ids.count == 1 ? answers[0] : .array(answers)) { style in
        answers.map { answer in
          let state = answer.shown("state")
          return "Job \(answer.shown("id")) is \(style.paint(state, Style.tone(state: state))).\n"
        }.joined()
      }
    }
    if let firstError { throw CommandFailure.silent(code: firstError.exitStatus.rawValue) }
  }
}
