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
      return report { try NotifyCommand.send(Array(arguments.dropFirst())) }
    case let word? where reserved.contains(word):
      Terminal.error("muster \(word): not yet: this command is kept for a later version\n")
      return CommandStatus.usage.rawValue
    default: break
    }
    if let status = HostCommands.runEarly(arguments) { return status }
    return report {
      var command = try Muster.parseAsRoot(arguments)
      // Asynchronous commands need the main thread to serve the dispatcher, and end the process themselves.
      if let asynchronous = command as? any AsyncParsableCommand { runAsynchronously(asynchronous) }
      try command.run()
    }
  }

  private static func runAsynchronously(_ command: some AsyncParsableCommand) -> Never {
    // The value is made here and goes into the task alone.
    nonisolated(unsafe) var command = command
    Task {
      do {
        try await command.run()
        exit(CommandStatus.done.rawValue)
      } catch {
        exit(status(of: error))
      }
    }
    dispatchMain()
  }

  private static func report(_ body: () throws -> Void) -> Int32 {
    do {
      try body()
      return CommandStatus.done.rawValue
    } catch {
      return status(of: error)
    }
  }

  /// Tells what went wrong, where the command has not yet, and answers the exit code.
  static func status(of error: any Error) -> Int32 {
    switch error {
    case let error as ClientError:
      Terminal.error(ErrorText.text(error))
      return error.exitStatus.rawValue
    case let failure as CommandFailure:
      Terminal.error(ErrorText.text(failure))
      return failure.exitCode
    default:
      let code = Muster.exitCode(for: error)
      let message = Muster.fullMessage(for: error)
      if code == .success {
        Terminal.out(message.isEmpty ? "" : message + "\n")
        return CommandStatus.done.rawValue
      }
      if !message.isEmpty { Terminal.error(message + "\n") }
      return code == .validationFailure ? CommandStatus.usage.rawValue : code.rawValue
    }
  }
}
