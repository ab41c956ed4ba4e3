import ArgumentParser
import MusterAgent

/// The commands that host a part of Muster instead of asking a controller.
enum HostCommands {
  /// Shown under "Hosting". An `AsyncParsableCommand` runs as a task while the main thread serves the dispatcher.
  static let subcommands: [any ParsableCommand.Type] = [
    UpCommand.self, ServerCommand.self, AgentCommand.self, ReplayCommand.self, ChaosCommand.self,
    SimCommand.self, DoctorCommand.self, PretendCommand.self,
  ]

  /// Commands that must start before anything else is set up: the exit code, or nil if the arguments name none of them.
  static func runEarly(_ arguments: [String]) -> Int32? {
    arguments.first == "shim" ? ShimMain.run() : nil
  }
}
