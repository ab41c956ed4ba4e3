public import MusterCore

/// What the controller says to agents and shims. Each carries the controller's epoch; a lower one than was seen before is
/// refused by the receiver.
public enum ControllerMessage: Sendable, Hashable {
  case welcome(epoch: Int64)
  /// `isFinal`: asking again will not help; an agent that has nothing left to run ends.
  case refused(reason: String, isFinal: Bool)
  case intent(epoch: Int64, NodeIntent)
  case want(epoch: Int64, ShimOrder)
  case inject(epoch: Int64, Injection)
  case logRead(epoch: Int64, LogRead)
  /// A new certificate for the node's key, sent over the link that the old one opened.
  case certificate(pem: String)
}

/// The whole list of members that should exist on a node.
public struct NodeIntent: Sendable, Hashable {
  /// The report that this answers; nil if unasked.
  public var beat: Int64?
  /// In full: what to start if it is not there.
  public var launches: [MemberLaunch]
  /// By name alone: the agent has them, or is told in full with the answer to a later report.
  public var others: [MemberID]
  /// How often the agent is to report from here on.
  public var reportEvery: Span

  public init(
    beat: Int64? = nil, launches: [MemberLaunch], others: [MemberID] = [], reportEvery: Span = .seconds(1)
  ) {
    self.beat = beat
    self.reportEvery = reportEvery
    self.launches = launches
    self.others = others
  }
}

/// Everything a shim needs to know of its member.
public struct MemberLaunch: Sendable, Hashable {
  public var member: MemberID
  /// Of its role.
  public var memberCount: Int32
  public var role: String
  /// The first of its ranks, as reports and logs count them: over all roles of the job.
  public var firstRank: Int32
  public var ranks: Int32
  /// Ranks of its role.
  public var worldSize: Int32
  /// Where its role begins: the index of its first member, and that one's first rank.
  public var roleMember: Int32 = 0
  public var roleRank: Int32 = 0
  /// Indexes of the node's devices that are the member's.
  public var devices: [Int32]
  /// `node-[1-4]`, in rank order.
  public var nodeList: String
  public var jobName: String
  public var user: String
  public var project: String
  public var command: [String]
  public var environment: [EnvironmentVariable]
  public var workingDirectory: String
  /// 0 is no limit.
  public var memoryBytes: Int64
  /// 0 is no limit.
  public var cpus: Int32
  public var resumeStep: Int64
  public var logLimitBytes: Int64
  public var lease: Span
  /// Only of a task of an array.
  public var array: LaunchArray?

  public init(
    member: MemberID, memberCount: Int32, role: String, firstRank: Int32, ranks: Int32, worldSize: Int32,
    devices: [Int32], nodeList: String, jobName: String, user: String, project: String, command: [String],
    environment: [EnvironmentVariable], workingDirectory: String, memoryBytes: Int64, cpus: Int32, resumeStep: Int64,
    logLimitBytes: Int64, lease: Span, roleMember: Int32 = 0, roleRank: Int32 = 0, array: LaunchArray? = nil
  ) {
    (self.roleMember, self.roleRank) = (roleMember, roleRank)
    self.array = array
    self.member = member
    self.memberCount = memberCount
    self.role = role
    self.firstRank = firstRank
    self.ranks = ranks
    self.worldSize = worldSize
    self.devices = devices
    self.nodeList = nodeList
    self.jobName = jobName
    self.user = user
    self.project = project
    self.command = command
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.memoryBytes = memoryBytes
    self.cpus = cpus
    self.resumeStep = resumeStep
    self.logLimitBytes = logLimitBytes
    self.lease = lease
  }

  /// The first one of its role holds the port at which its ranks meet.
  public var holdsPort: Bool { member.index == roleMember }
}

/// Which task of which array a member belongs to.
public struct LaunchArray: Sendable, Hashable {
  /// The array's number: that of its first task.
  public var array: JobID
  public var index: Int32
  public var count: Int32

  public init(array: JobID, index: Int32, count: Int32) {
    self.array = array
    self.index = index
    self.count = count
  }
}

public struct ShimOrder: Sendable, Hashable {
  public enum Want: Sendable, Hashable {
    case prepare
    case go(masterAddress: String, masterPort: Int32)
    case stop(signal: Int32, grace: Span)
    case release
  }
  public var want: Want
  /// The beat that this acknowledges: the lease counts from when it was sent. nil renews nothing.
  public var acknowledges: Int64?
  public var probe: Bool
  public var lease: Span
  /// A signal for all ranks, once in the shim's life: said again in each order until the attempt is stopped. nil: none.
  /// (A shim of before there was one does not read it: its ranks are not warned.)
  public var warn: Int32?

  public init(want: Want, acknowledges: Int64?, probe: Bool, lease: Span, warn: Int32? = nil) {
    self.warn = warn
    self.want = want
    self.acknowledges = acknowledges
    self.probe = probe
    self.lease = lease
  }
}

/// Faults on purpose. They act where they land; nothing of them reaches the diagnosis.
public enum Injection: Sendable, Hashable {
  case killRank(Int32)
  case stopRank(Int32)
  case killNode
  case killAgent
}

public struct LogRead: Sendable, Hashable {
  public var id: Int64
  public var attempt: AttemptID
  public var rank: Int32
  public var offset: Int64
  /// Most bytes to answer with.
  public var limit: Int64

  public init(id: Int64, attempt: AttemptID, rank: Int32, offset: Int64, limit: Int64) {
    self.id = id
    self.attempt = attempt
    self.rank = rank
    self.offset = offset
    self.limit = limit
  }
}

extension ControllerMessage {
  public var json: JSON {
    switch self {
    case .welcome(let epoch): return ["t": "welcome", "v": .int(linkVersion), "epoch": .int(epoch)]
    case .refused(let reason, let isFinal):
      return ["t": "refused", "v": .int(linkVersion), "reason": .string(reason), "final": .bool(isFinal)]
    case .certificate(let pem): return ["t": "certificate", "pem": .string(pem)]
    case .intent(let epoch, let intent): return intent.json(epoch: epoch)
    case .want(let epoch, let order): return order.json(epoch: epoch)
    case .inject(let epoch, let injection):
      switch injection {
      case .killRank(let rank): return ["t": "inject", "epoch": .int(epoch), "kind": "kill-rank", "rank": JSON(rank)]
      case .stopRank(let rank): return ["t": "inject", "epoch": .int(epoch), "kind": "stop-rank", "rank": JSON(rank)]
      case .killNode: return ["t": "inject", "epoch": .int(epoch), "kind": "kill-node"]
      case .killAgent: return ["t": "inject", "epoch": .int(epoch), "kind": "kill-agent"]
      }
    case .logRead(let epoch, let read):
      return [
        "t": "logRead", "epoch": .int(epoch), "id": .int(read.id), "job": .int(read.attempt.job.number),
        "attempt": JSON(read.attempt.number), "rank": JSON(read.rank), "offset": .int(read.offset),
        "limit": .int(read.limit),
      ]
    }
  }

  /// - Returns: nil for a kind of message that this version does not know: it is ignored.
  public static func decode(_ json: JSON) throws(LinkError) -> ControllerMessage? {
    switch json["t"]?.stringValue {
    case "welcome": return .welcome(epoch: try json.number("epoch"))
    case "refused":
      return .refused(reason: try json.text("reason"), isFinal: json["final"]?.boolValue ?? false)
    case "certificate": return .certificate(pem: try json.text("pem"))
    case "intent":
      return .intent(epoch: try json.number("epoch"), try NodeIntent(json: json))
    case "want": return .want(epoch: try json.number("epoch"), try ShimOrder(json: json))
    case "inject":
      let epoch = try json.number("epoch")
      switch try json.text("kind") {
      case "kill-rank": return .inject(epoch: epoch, .killRank(try json.int32("rank")))
      case "stop-rank": return .inject(epoch: epoch, .stopRank(try json.int32("rank")))
      case "kill-node": return .inject(epoch: epoch, .killNode)
      case "kill-agent": return .inject(epoch: epoch, .killAgent)
      default: return nil
      }
    case "logRead":
      return .logRead(
        epoch: try json.number("epoch"),
        LogRead(
          id: try json.number("id"),
          attempt: AttemptID(job: JobID(try json.number("job")), number: try json.int32("attempt")),
          rank: try json.int32("rank"), offset: try json.number("offset"), limit: try json.number("limit")))
    default: return nil
    }
  }
}

extension NodeIntent {
  func json(epoch: Int64) -> JSON {
    var members: [JSON.Member] = [.init(name: "t", value: "intent"), .init(name: "epoch", value: .int(epoch))]
    if let beat { members.append(.init(name: "beat", value: .int(beat))) }
    members.append(.init(name: "members", value: .array(launches.map(\.json))))
    let names = others.map { JSON.array([.int($0.attempt.job.number), JSON($0.attempt.number), JSON($0.index)]) }
    members.append(.init(name: "others", value: .array(names)))
    if reportEvery != .seconds(1) { members.append(.init(name: "reportMs", value: .int(reportEvery.milliseconds))) }
    return .object(members)
  }

  init(json: JSON) throws(LinkError) {
    var launches: [MemberLaunch] = []
    for launch in json["members"]?.arrayValue ?? [] { launches.append(try MemberLaunch(json: launch)) }
    var others: [MemberID] = []
    for name in json["others"]?.arrayValue ?? [] {
      let numbers = (name.arrayValue ?? []).compactMap(\.intValue)
      guard numbers.count == 3, let attempt = Int32(exactly: numbers[1]), let index = Int32(exactly: numbers[2]) else {
        throw LinkError(field: "others")
      }
      others.append(
        MemberID(attempt: AttemptID(job: JobID(numbers[0]), number: attempt), index: index))
    }
    // A controller that says none, or nonsense, hears as often as ever.
    let every = json["reportMs"]?.intValue.flatMap { (100...60_000).contains($0) ? $0 : nil }
    self.init(
      beat: json["beat"]?.intValue, launches: launches, others: others, reportEvery: .milliseconds(every ?? 1_000))
  }
}

extension ShimOrder {
  func json(epoch: Int64) -> JSON {
    var members: [JSON.Member] = [.init(name: "t", value: "want"), .init(name: "epoch", value: .int(epoch))]
    if let acknowledges { members.append(.init(name: "n", value: .int(acknowledges))) }
    switch want {
    case .prepare: members.append(.init(name: "want", value: "prepare"))
    case .go(let address, let port):
      members.append(.init(name: "want", value: "go"))
      members.append(.init(name: "masterAddr", value: .string(address)))
      members.append(.init(name: "masterPort", value: JSON(port)))
    case .stop(let signal, let grace):
      members.append(.init(name: "want", value: "stop"))
      members.append(.init(name: "signal", value: JSON(signal)))
      members.append(.init(name: "graceMs", value: .int(grace.milliseconds)))
    case .release: members.append(.init(name: "want", value: "release"))
    }
    if probe { members.append(.init(name: "probe", value: true)) }
    if let warn { members.append(.init(name: "warn", value: JSON(warn))) }
    members.append(.init(name: "leaseMs", value: .int(lease.milliseconds)))
    return .object(members)
  }

  init(json: JSON) throws(LinkError) {
    let want: Want
    switch try json.text("want") {
    case "prepare": want = .prepare
    case "go": want = .go(masterAddress: try json.text("masterAddr"), masterPort: try json.int32("masterPort"))
    case "stop": want = .stop(signal: try json.int32("signal"), grace: .milliseconds(try json.number("graceMs")))
    case "release": want = .release
    default: throw LinkError(field: "want")
    }
    self.init(
      want: want, acknowledges: json["n"]?.intValue, probe: json["probe"]?.boolValue ?? false,
      lease: .milliseconds(try json.number("leaseMs")),
      warn: json["warn"]?.intValue.flatMap { (1...64).contains($0) ? Int32($0) : nil })
  }
}
