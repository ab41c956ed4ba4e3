import ArgumentParser
import MusterClient
import MusterProtocol

struct InjectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inject", abstract: "Cause a fault on purpose, for a drill.",
    discussion: """
      kill-rank and stop-rank need --job and --rank: SIGKILL or SIGSTOP to that rank. kill-node and kill-agent need \
      --node: everything of Muster on that node, or only its agent. Nothing of it reaches the diagnosis.
      """)

  enum Fault: String, ExpressibleByArgument, CaseIterable {
    case killRank = "kill-rank"
    case stopRank = "stop-rank"
    case killNode = "kill-node"
    case killAgent = "kill-agent"

    var needsRank: Bool {
      switch self {
      case .killRank, .stopRank: true
      case .killNode, .killAgent: false
      }
    }
  }

  @Argument(help: "kill-rank, stop-rank, kill-node or kill-agent.")
  var fault: Fault

  @Option(help: "The job's number, or ARRAY_INDEX.")
  var job: JobReference?

  @Option(help: "The rank.")
  var rank: Int64?

  @Option(help: "The node's name.")
  var node: String?

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if fault.needsRank {
      guard job != nil, rank != nil, node == nil else {
        throw ValidationError("\(fault.rawValue) needs --job and --rank, and no --node")
      }
    } else {
      guard node != nil, job == nil, rank == nil else {
        throw ValidationError("\(fault.rawValue) needs --node, and neither --job nor --rank")
      }
    }
  }

  func run() throws {
    var members: [JSON.Member] = [.init(name: "kind", value: .string(fault.rawValue))]
    let client = connection.client()
    if let job { members.append(.init(name: "job", value: .int(try job.resolved(client)))) }
    if let rank { members.append(.init(name: "rank", value: .int(rank))) }
    if let node { members.append(.init(name: "node", value: .string(node))) }
    let answer = try client.post("/v1/inject", .object(members))
    connection.show(answer) { _ in "\(fault.rawValue) sent. See what becomes of it with: muster events -f\n" }
  }
}
