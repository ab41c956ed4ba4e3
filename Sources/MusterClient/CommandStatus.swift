/// What a command's exit says. Scripts rely on these numbers: they never change.
public enum CommandStatus: Int32, Sendable, CaseIterable {
  case done = 0
  /// For `wait` and `run` also a job that was cancelled or timed out.
  case failed = 1
  case usage = 2
  case notFound = 3
  case unreachable = 4
  case refused = 5
  /// Only when the command's own `--timeout` has passed.
  case timedOut = 124
}
