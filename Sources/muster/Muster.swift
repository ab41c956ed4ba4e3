import ArgumentParser

/// The root of all commands. Each is a file of its own in `Commands/`.
struct Muster: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "muster",
    abstract: "The control plane of a GPU fleet.",
    discussion: """
      Exit codes: 0 done; 1 failed (of `wait` and `run` also cancelled or timed out); 2 wrong usage; 3 not found; \
      4 the controller cannot be reached; 5 refused; 124 the command's own --timeout has passed. `run` exits with the \
      code of the first rank that failed (128 + the signal's number).
      """,
    version: Version.current,
    groupedSubcommands: [
      CommandGroup(
        name: "Job",
        subcommands: [
          RunCommand.self, SubmitCommand.self, InitCommand.self, JobsCommand.self, JobCommand.self, LogsCommand.self,
          WaitCommand.self, CancelCommand.self, HoldCommand.self, ReleaseCommand.self, WhyCommand.self,
          ReportCommand.self, AccountsCommand.self, TopCommand.self, EfficiencyCommand.self,
        ]),
      CommandGroup(
        name: "Node",
        subcommands: [
          NodesCommand.self, NodeCommand.self, DrainCommand.self, ResumeCommand.self, FenceCommand.self,
          RevokeCommand.self, TokenCommand.self,
        ]),
      CommandGroup(
        name: "Fleet",
        subcommands: [
          ApplyCommand.self, PolicyCommand.self, QuotaCommand.self, TopologyCommand.self, MaintenanceCommand.self,
          EventsCommand.self, PageCommand.self, InjectCommand.self, NotifyCommand.self, LoginCommand.self,
          VersionCommand.self,
        ]),
      CommandGroup(name: "Device", subcommands: [DevicesCommand.self, GPUCommand.self]),
      CommandGroup(name: "Hosting", subcommands: HostCommands.subcommands),
    ].filter { !$0.subcommands.isEmpty })
}
