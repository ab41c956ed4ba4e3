import ArgumentParser
import MusterClient
import MusterProtocol

/// Errors as a person reads them (what is wrong, then what to do), and with --json as programs do: one object a line, the
/// API's own shape.
enum ErrorText {
  static func text(_ failure: CommandFailure) -> String { text(failure.message, remedy: failure.remedy) }

  static func text(_ error: ClientError) -> String {
    var message = error.message
    if case .refused(let error) = error {
      for problem in error.problems {
        message +=
          "\n"
          + JobFileProblem.message(
            file: "", line: problem.line, field: problem.field, value: problem.value, allowed: problem.allowed)
      }
    }
    return text(message, remedy: error.remedy)
  }

  static func text(_ failure: CommandFailure, isJSON: Bool) -> String {
    isJSON ? json([failure]) : text(failure)
  }

  static func text(_ error: ClientError, isJSON: Bool) -> String {
    guard isJSON else { return text(error) }
    var problems: [JSON] = []
    if case .refused(let refusal) = error { problems = refusal.problems.map(json) }
    return json(code: error.code, message: error.message, remedy: error.remedy, problems: problems)
  }

  /// Several of one command in one object, which has the code of the first.
  static func json(_ failures: [CommandFailure]) -> String {
    let told = failures.filter { !$0.message.isEmpty }
    guard let first = told.first else { return "" }
    var problems: [JSON] = []
    var messages: [String] = []
    for failure in told {
      let (file, errors, undone): (String, JobFileErrors, String)
      switch failure {
      case .wrongJob(let name, let found): (file, errors, undone) = (name, found, "submitted")
      case .wrongPolicy(let name, let found): (file, errors, undone) = (name, found, "changed")
      default:
        messages.append(failure.message)
        continue
      }
      messages.append(
        (file.isEmpty ? "" : file + ": ")
          + "\(errors.problems.count == 1 ? "1 problem" : "\(errors.problems.count) problems"); nothing was \(undone)")
      for problem in errors.problems {
        let name: [JSON.Member] = file.isEmpty ? [] : [.init(name: "file", value: .string(file))]
        problems.append(.object(name + (problem.json.objectValue ?? [])))
      }
    }
    let remedy =
      problems.isEmpty ? first.remedy : "`problems` names each field, its value and what is allowed"
    return json(code: first.code, message: messages.joined(separator: "; "), remedy: remedy, problems: problems)
  }

  static func json(code: String, message: String, remedy: String, problems: [JSON] = []) -> String {
    var error: [JSON.Member] = [
      .init(name: "code", value: .string(code)), .init(name: "message", value: .string(message)),
      .init(name: "remedy", value: .string(remedy)),
    ]
    if !problems.isEmpty { error.append(.init(name: "problems", value: .array(problems))) }
    return JSON.object([.init(name: "error", value: .object(error))]).text + "\n"
  }

  private static func json(_ problem: APIError.Problem) -> JSON {
    var members: [JSON.Member] = []
    if let line = problem.line { members.append(.init(name: "line", value: JSON(line))) }
    members.append(.init(name: "field", value: .string(problem.field)))
    members.append(.init(name: "value", value: .string(problem.value)))
    members.append(.init(name: "allowed", value: .string(problem.allowed)))
    return .object(members)
  }

  private static func text(_ message: String, remedy: String) -> String {
    guard !message.isEmpty else { return "" }
    return "muster: \(message)\n" + (remedy.isEmpty ? "" : "  \(remedy)\n")
  }
}
