public import MusterCore

/// Version of the link between controller, agents and shims. Another one is refused with a clear word.
public let linkVersion: Int64 = 1
/// A message is one line of JSON of at most this many bytes.
public let linkLineLimit = 1 << 20
/// From the controller to an agent: one launch, of at most 256 KiB of command and environment, may be six times as long
/// as JSON.
public let intentLineLimit = 4 << 20

/// What agents and shims say to the controller. Everything is level-triggered: a message carries the whole present state
/// of its subject, so that a lost one heals with the next.
public enum NodeMessage: Sendable, Hashable {
  case agentHello(AgentHello)
  case shimHello(ShimHello)
  /// The whole list of member folders on the node; `beat` counts up within a connection.
  case report(beat: Int64, members: [AgentMemberState])
  case beat(ShimBeat)
  case logData(LogData)
  /// What the node's devices did in an interval, packed (`NodeRollup` of MusterDevices).
  case telemetry([UInt8])
}

public struct AgentHello: Sendable, Hashable {
  public var version: Int64
  public var node: String
  /// Stays over a reboot.
  public var machine: String
  /// Changes with every boot.
  public var boot: String
  public var devices: Int32
  public var deviceType: String
  public var cpus: Int32
  public var memoryBytes: Int64
  public var address: String
  public var pid: Int32
  /// The highest epoch of a controller that it has heard; 0: none yet.
  public var epoch: Int64
  /// Sorted by key.
  public var labels: [Label]

  public init(
    version: Int64 = linkVersion, node: String, machine: String, boot: String, devices: Int32,
    deviceType: String = "", cpus: Int32, memoryBytes: Int64, address: String, pid: Int32, epoch: Int64 = 0,
    labels: [Label] = []
  ) {
    self.labels = labels
    self.epoch = epoch
    self.version = version
    self.node = node
    self.machine = machine
    self.boot = boot
    self.devices = devices
    self.deviceType = deviceType
    self.cpus = cpus
    self.memoryBytes = memoryBytes
    self.address = address
    self.pid = pid
  }
}

public struct ShimHello: Sendable, Hashable {
  public var version: Int64
  public var node: String
  public var machine: String
  public var boot: String
  public var member: MemberID
  public var pid: Int32
  /// As `AgentHello.epoch`.
  public var epoch: Int64

  public init(
    version: Int64 = linkVersion, node: String, machine: String, boot: String, member: MemberID, pid: Int32,
    epoch: Int64 = 0
  ) {
    self.epoch = epoch
    self.version = version
    self.node = node
    self.machine = machine
    self.boot = boot
    self.member = member
    self.pid = pid
  }
}

public struct AgentMemberState: Sendable, Hashable {
  public var member: MemberID
  public var shimPID: Int32
  /// False is proof: the shim and everything under it is gone.
  public var alive: Bool
  /// Why the shim could not be started; empty if it was.
  public var startFailed: String

  public init(member: MemberID, shimPID: Int32, alive: Bool, startFailed: String = "") {
    self.member = member
    self.shimPID = shimPID
    self.alive = alive
    self.startFailed = startFailed
  }
}

/// The whole state of a gang member, every 0.5 s and at once when anything but a step changes.
public struct ShimBeat: Sendable, Hashable {
  /// Counts up within the shim's life; the controller's answer to it names it and renews the lease.
  public var number: Int64
  public var report: ShimReport

  public init(number: Int64, report: ShimReport) {
    self.number = number
    self.report = report
  }
}

/// A part of a rank's log.
public struct LogData: Sendable, Hashable {
  public var id: Int64
  /// Where the data begins in the log file; bytes.
  public var offset: Int64
  /// Where to read on.
  public var next: Int64
  /// Bytes in the file now.
  public var size: Int64
  public var data: [UInt8]
  /// Empty if it was read.
  public var error: String

  public init(id: Int64, offset: Int64 = 0, next: Int64 = 0, size: Int64 = 0, data: [UInt8] = [], error: String = "") {
    self.id = id
    self.offset = offset
    self.next = next
    self.size = size
    self.data = data
    self.error = error
  }
}

extension NodeMessage {
  public var json: JSON {
    switch self {
    case .agentHello(let hello): return hello.json
    case .shimHello(let hello):
      return [
        "t": "hello", "v": .int(hello.version), "role": "shim", "node": .string(hello.node),
        "machine": .string(hello.machine), "boot": .string(hello.boot), "job": .int(hello.member.attempt.job.number),
        "attempt": JSON(hello.member.attempt.number), "member": JSON(hello.member.index), "pid": JSON(hello.pid),
        "epoch": .int(hello.epoch),
      ]
    case .report(let beat, let members):
      return ["t": "report", "beat": .int(beat), "members": .array(members.map(\.json))]
    case .beat(let beat): return beat.json
    case .telemetry(let packed): return ["t": "telemetry", "data": .string(Base64.encode(packed))]
    case .logData(let log):
      return [
        "t": "logData", "id": .int(log.id), "offset": .int(log.offset), "next": .int(log.next),
        "size": .int(log.size), "data": .string(Base64.encode(log.data)), "error": .string(log.error),
      ]
    }
  }

  /// - Returns: nil for a kind of message that this version does not know: it is ignored.
  public static func decode(_ json: JSON) throws(LinkError) -> NodeMessage? {
    switch json["t"]?.stringValue {
    case "hello" where json["role"]?.stringValue == "agent":
      return .agentHello(try AgentHello(json: json))
    case "hello":
      return .shimHello(
        ShimHello(
          version: try json.number("v"), node: try json.text("node"), machine: try json.text("machine"),
          boot: try json.text("boot"), member: try json.member(), pid: try json.int32("pid"),
          epoch: json["epoch"]?.intValue ?? 0))
    case "report":
      var members: [AgentMemberState] = []
      for member in json["members"]?.arrayValue ?? [] { members.append(try AgentMemberState(json: member)) }
      return .report(beat: try json.number("beat"), members: members)
    case "beat": return .beat(try ShimBeat(json: json))
    case "telemetry":
      guard let packed = Base64.decode(try json.text("data")) else { throw LinkError(field: "data") }
      return .telemetry(packed)
    case "logData":
      guard let data = Base64.decode(try json.text("data")) else { throw LinkError(field: "data") }
      return .logData(
        LogData(
          id: try json.number("id"), offset: try json.number("offset"), next: try json.number("next"),
          size: try json.number("size"), data: data, error: json["error"]?.stringValue ?? ""))
    default: return nil
    }
  }
}

extension AgentMemberState {
  var json: JSON {
    var members: [JSON.Member] = [
      .init(name: "job", value: .int(member.attempt.job.number)),
      .init(name: "attempt", value: JSON(member.attempt.number)),
      .init(name: "member", value: JSON(member.index)), .init(name: "shimPid", value: JSON(shimPID)),
      .init(name: "alive", value: .bool(alive)),
    ]
    if !startFailed.isEmpty { members.append(.init(name: "startFailed", value: .string(startFailed))) }
    return .object(members)
  }

  init(json: JSON) throws(LinkError) {
    self.init(
      member: try json.member(), shimPID: try json.int32("shimPid"), alive: json["alive"]?.boolValue ?? false,
      startFailed: json["startFailed"]?.stringValue ?? "")
  }
}

/// A message without a field that it must have, or with a wrong one.
public struct LinkError: Error, Hashable, Sendable, CustomStringConvertible {
  public var field: String
  public init(field: String) { self.field = field }
  public var description: String { "link message: field \"\(field)\" is missing or wrong" }
}

extension JSON {
  func number(_ name: String) throws(LinkError) -> Int64 {
    guard let value = self[name]?.intValue else { throw LinkError(field: name) }
    return value
  }
  func int32(_ name: String) throws(LinkError) -> Int32 {
    guard let value = self[name]?.intValue, let small = Int32(exactly: value) else { throw LinkError(field: name) }
    return small
  }
  func text(_ name: String) throws(LinkError) -> String {
    guard let value = self[name]?.stringValue else { throw LinkError(field: name) }
    return value
  }
  func member() throws(LinkError) -> MemberID {
    MemberID(
      attempt: AttemptID(job: JobID(try number("job")), number: try int32("attempt")), index: try int32("member"))
  }
}
