import MusterClient
import MusterProtocol

/// The logs of several ranks of one attempt, printed as they come.
final class LogGroup {
  private var logs: [(follower: LogFollower, printer: LogPrinter)]
  /// Those whose log has ended.
  private var ended: Set<Int> = []

  init(
    source: EndpointSource, job: Int64, attempt: Int64?, ranks: [Int64], form: LogPrinter.Form, style: Style,
    follows: Bool, waitsForLogs: Bool
  ) {
    logs = ranks.map { rank in
      let follower = LogFollower(
        source: source, job: job, attempt: attempt, rank: rank, follows: follows, waitsForLog: waitsForLogs)
      return (follower, LogPrinter(form: form, rank: rank, attempt: attempt, style: style))
    }
  }

  var hasEnded: Bool { ended.count == logs.count }
  var descriptors: [Int32] { logs.compactMap(\.follower.stream.descriptor) }
  var wakeAt: Deadline { logs.map(\.follower.stream.wakeAt).min() ?? .never }

  /// Prints what has come; answers the first loss of a connection since the last call. Once the attempt is over
  /// (`isOver`) a log that is not there will never be.
  func advance(isOver: Bool = false) throws(ClientError) -> ClientError? {
    var loss: ClientError?
    for index in logs.indices where !ended.contains(index) {
      for item in try logs[index].follower.advance() {
        switch item {
        case .bytes(let bytes): Terminal.out(logs[index].printer.take(bytes))
        case .lost(.refused(let error)) where isOver:
          Terminal.out(logs[index].printer.finish())
          if error.code != "noLog", error.code != "pretended" {
            Terminal.error("muster: rank \(logs[index].follower.rank): \(error.message)\n")
          }
          ended.insert(index)
        case .lost(let error): loss = loss ?? error
        case .ended:
          Terminal.out(logs[index].printer.finish())
          ended.insert(index)
        }
      }
    }
    return loss
  }

  /// The answer of a controller that stopped in good order ends like that of an ended attempt: ask again.
  func reopen() {
    for index in logs.indices { logs[index].follower.stream.reopen(afterMilliseconds: 300) }
    ended = []
  }

  /// Waits for input or for the next thing to do.
  func wait(besides descriptors: [Int32] = [], until deadline: Deadline = .never) {
    _ = Readiness.wait(for: self.descriptors + descriptors, until: min(wakeAt, deadline))
  }
}
