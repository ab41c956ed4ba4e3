import ArgumentParser
import Dispatch
import Foundation
import MusterClient

/// The way from the process's arguments to a command.
enum Entry {
  /// Words kept for later versions.
  static let reserved: Set<String> = ["exec", "plan", "bill", "market", "serve", "site", "project"]

  /// Runs the command that the arguments name and answers the process's exit code.
  static func run(_ arguments: [String]) -> Int32 {
    // Before the parser knows every command: these start often, or must stay small.
    switch arguments.first {
    case "version" where arguments.count == 1 || arguments.dropFirst() == ["--json"]:
      Terminal.out(VersionCommand.text(isJSON: arguments.count > 1))
      return CommandStatus.done.rawValue
    case "notify" where !arguments.dropFirst().contains { $0.hasPrefix("-") }:
      do {
        _ = try NotifyCommand.send(Array(arguments.dropFirst()))
        return CommandStatus.done.rawValue
      } catch {
        return status(of: error, isJSON: false)
      }
    case let word? where reserved.contains(word):
      let message = "\(word): not yet: this command is kept for a later version"
      Terminal.error(
        wantsJSON(arguments)
          ? ErrorText.json(code: "notYet", message: message, remedy: "`muster --help` lists the commands")
          : "muster \(message)\n")
      return CommandStatus.usage.rawValue
    default: break
    }
    if let status = HostCommands.runEarly(arguments) { return status }
    var isJSON = wantsJSON(arguments)
    do {
      var command = try Muster.parseAsRoot(arguments)
      // A `--json` of the program that is to run is not ours.
      if let run = command as? RunCommand { isJSON = run.connection.json }
      // Asynchronous commands need the main thread to serve the dispatcher, and end the process themselves.
      if let asynchronous = command as? any AsyncParsableCommand { runAsynchronously(asynchronous, isJSON: isJSON) }
      try command.run()
      return CommandStatus.done.rawValue
    } catch {
      return status(of: error, isJSON: isJSON)
    }
  }

  /// Known before the arguments are understood: what is wrong with them is told in the same way.
  private static func wantsJSON(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains("--json")
  }

  private static func runAsynchronously(_ command: some AsyncParsableCommand, isJSON: Bool) -> Never {
    // The value is made here and goes into the task alone.
    nonisolated(unsafe) var command = command
    Task {
      do {
        try await command.run()
        exit(CommandStatus.done.rawValue)
      } catch {
        exit(status(of: error, isJSON: isJSON))
      }
    }
    dispatchMain()
  }

  /// Tells what went wrong, where the command has not yet, and answers the exit code.
  private static func status(of error: any Error, isJSON: Bool) -> Int32 {
    switch error {
    case let error as ClientError:
      Terminal.error(ErrorText.text(error, isJSON: isJSON))
      return error.exitStatus.rawValue
    case let failure as CommandFailure:
      Terminal.error(ErrorText.text(failure, isJSON: isJSON))
      return failure.exitCode
    default:
      let code = Muster.exitCode(for: error)
      let message = Muster.fullMessage(for: error)
      if code == .success {
        Terminal.out(message.isEmpty ? "" : message + "\n")
        return CommandStatus.done.rawValue
      }
      if isJSON {
        let help = "`muster help COMMAND` shows what a command takes"
        let isUsage = code == .validationFailure
        Terminal.error(
          ErrorText.json(code: isUsage ? "usage" : "failed", message: Muster.message(for: error), remedy: help))
      } else if !message.isEmpty {
        Terminal.error(message + "\n")
      }
      return code == .validationFailure ? CommandStatus.usage.rawValue : code.rawValue
    }
  }
}
