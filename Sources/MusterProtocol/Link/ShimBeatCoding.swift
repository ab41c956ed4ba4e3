public import MusterCore

extension ShimReport.State {
  public var name: String {
    switch self {
    case .preparing: "preparing"
    case .prepared: "prepared"
    case .running: "running"
    case .stopping: "stopping"
    case .stopped: "stopped"
    case .failed: "failed"
    }
  }
  init?(name: String) {
    guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = state
  }
}

extension RankReport.State {
  public var name: String {
    switch self {
    case .waiting: "waiting"
    case .running: "running"
    case .exited: "exited"
    }
  }
  init?(name: String) {
    guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = state
  }
}

extension ShimBeat {
  var json: JSON {
    var members: [JSON.Member] = [
      .init(name: "t", value: "beat"), .init(name: "n", value: .int(number)),
      .init(name: "state", value: .string(report.state.name)),
    ]
    if let problem = report.problem {
      members.append(
        .init(name: "problem", value: ["code": .string(problem.code), "message": .string(problem.message)]))
    }
    if report.port != 0 { members.append(.init(name: "port", value: JSON(report.port))) }
    members.append(.init(name: "ranks", value: .array(report.ranks.map(\.json))))
    return .object(members)
  }

  init(json: JSON) throws(LinkError) {
    guard let state = ShimReport.State(name: try json.text("state")) else { throw LinkError(field: "state") }
    var ranks: [RankReport] = []
    for rank in json["ranks"]?.arrayValue ?? [] { ranks.append(try RankReport(json: rank)) }
    var problem: ShimReport.Problem?
    if let told = json["problem"] {
      problem = ShimReport.Problem(code: try told.text("code"), message: try told.text("message"))
    }
    self.init(
      number: try json.number("n"),
      report: ShimReport(
        state: state, problem: problem, port: json["port"] == nil ? 0 : try json.int32("port"), ranks: ranks))
  }
}

extension RankReport {
  var json: JSON {
    var members: [JSON.Member] = [
      .init(name: "rank", value: JSON(rank)), .init(name: "pid", value: JSON(pid)),
      .init(name: "state", value: .string(state.name)),
    ]
    func add(_ name: String, _ value: JSON, if present: Bool) {
      if present { members.append(.init(name: name, value: value)) }
    }
    add("exitCode", JSON(exitCode), if: state == .exited && signal == 0)
    add("signal", JSON(signal), if: signal != 0)
    add("oom", .string(outOfMemory), if: !outOfMemory.isEmpty)
    if let exitedAge { add("exitedAgeMs", .int(exitedAge.milliseconds), if: true) }
    if let step {
      add("step", .int(step), if: true)
      add("stepAgeMs", .int(stepAge.milliseconds), if: true)
      add("steps", .int(stepsSaid), if: true)
      add("longestStepMs", .int(longestStep.milliseconds), if: longestStep > .zero)
      if let firstStepAge { add("firstStepAgeMs", .int(firstStepAge.milliseconds), if: true) }
    }
    add("loss", .string(loss), if: !loss.isEmpty)
    add("status", .string(status), if: !status.isEmpty)
    add("checkpointingMs", .int(statusTimes.checkpointing.milliseconds), if: statusTimes.checkpointing > .zero)
    add("evaluatingMs", .int(statusTimes.evaluating.milliseconds), if: statusTimes.evaluating > .zero)
    add("inputStallMs", .int(statusTimes.inputStall.milliseconds), if: statusTimes.inputStall > .zero)
    if let waited {
      add("waitedMs", .int(waited.milliseconds), if: true)
      add("waits", .int(waitsSaid), if: waitsSaid > 0)
    }
    if let checkpoint { add("checkpoint", .int(checkpoint), if: true) }
    if let probe { add("probe", probe.json, if: true) }
    return .object(members)
  }

  /// What a node says is checked: whoever holds its key must not be able to stop the controller with a number.
  init(json: JSON) throws(LinkError) {
    guard let state = State(name: try json.text("state")) else { throw LinkError(field: "state") }
    self.init(
      rank: try json.int32("rank"), pid: try json.int32("pid"), state: state,
      exitCode: Int32(try json.optional("exitCode", in: 0...255) ?? 0),
      signal: Int32(try json.optional("signal", in: 0...64) ?? 0), outOfMemory: json["oom"]?.stringValue ?? "",
      exitedAge: try json.age("exitedAgeMs"), step: try json.optional("step", in: JSON.counts),
      stepAge: try json.age("stepAgeMs") ?? .zero, firstStepAge: try json.age("firstStepAgeMs"),
      stepsSaid: try json.optional("steps", in: JSON.counts) ?? 0, longestStep: try json.age("longestStepMs") ?? .zero,
      loss: json["loss"]?.stringValue ?? "", status: json["status"]?.stringValue ?? "",
      checkpoint: try json.optional("checkpoint", in: JSON.counts),
      probe: try json["probe"].map { json throws(LinkError) in try Probe(json: json) })
    statusTimes = StatusTimes(
      checkpointing: try json.age("checkpointingMs") ?? .zero, evaluating: try json.age("evaluatingMs") ?? .zero,
      inputStall: try json.age("inputStallMs") ?? .zero)
    waited = try json.age("waitedMs")
    waitsSaid = try json.optional("waits", in: JSON.counts) ?? 0
  }
}

extension JSON {
  /// Steps, checkpoints and bytes: sums of a few of them are still numbers.
  fileprivate static let counts: ClosedRange<Int64> = 0...(1 << 60)
  /// Ten years, in milliseconds.
  private static let ages: ClosedRange<Int64> = 0...315_360_000_000

  /// nil if the field is not there.
  fileprivate func optional(_ field: String, in range: ClosedRange<Int64>) throws(LinkError) -> Int64? {
    guard let value = self[field] else { return nil }
    guard let number = value.intValue, range.contains(number) else { throw LinkError(field: field) }
    return number
  }

  fileprivate func age(_ field: String) throws(LinkError) -> Span? {
    try optional(field, in: JSON.ages).map { Span.milliseconds($0) }
  }
}

extension Probe {
  var json: JSON {
    [
      "state": .string(state), "cpuPermille": .int(cpuPermille), "syscall": .string(syscall),
      "fdKind": .string(descriptor), "readBytes": .int(readBytes), "writtenBytes": .int(writtenBytes),
    ]
  }

  init(json: JSON) throws(LinkError) {
    self.init(
      state: try json.text("state"), cpuPermille: try json.optional("cpuPermille", in: JSON.counts) ?? 0,
      syscall: json["syscall"]?.stringValue ?? "", descriptor: json["fdKind"]?.stringValue ?? "",
      readBytes: try json.optional("readBytes", in: JSON.counts) ?? 0,
      writtenBytes: try json.optional("writtenBytes", in: JSON.counts) ?? 0)
  }
}

/// RFC 4648, with padding.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    var i = 0
    while i < bytes.count {
      let rest = bytes.count - i
      let a = UInt32(bytes[i]) << 16
      let b = rest > 1 ? UInt32(bytes[i + 1]) << 8 : 0
      let group = a | b | (rest > 2 ? UInt32(bytes[i + 2]) : 0)
      out.append(alphabet[Int(group >> 18 & 63)])
      out.append(alphabet[Int(group >> 12 & 63)])
      out.append(rest > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
      out.append(rest > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
      i += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  public static func decode(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var (group, bits): (UInt32, Int) = (0, 0)
    for byte in text.utf8 {
      if byte == UInt8(ascii: "=") { break }
      let value: UInt32
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte - UInt8(ascii: "A"))
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte - UInt8(ascii: "a")) + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte - UInt8(ascii: "0")) + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: return nil
      }
      group = group << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
      }
    }
    return out
  }
}
