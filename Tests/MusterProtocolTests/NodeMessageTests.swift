import MusterCore
import MusterProtocol
import Testing

/// A node's word is checked before the core hears it: whoever holds a node's key can say anything.
@Suite struct NodeMessageTests {
  static let fields = [
    "pid", "exitCode", "signal", "exitedAgeMs", "step", "stepAgeMs", "firstStepAgeMs", "steps", "longestStepMs",
    "checkpoint", "checkpointingMs", "evaluatingMs", "inputStallMs", "waitedMs", "waits",
  ]

  @Test("numbers that cannot be are refused, and none of them stops the controller", arguments: fields)
  func numbers(field: String) {
    for value in [Int64.min, .min + 1, -1, 1 << 31, 1 << 62, .max] {
      let message = try? NodeMessage.decode(Self.beat(field, value))
      guard case .beat(let beat)? = message ?? nil else { continue }
      var controller = Controller(cluster: Cluster(), now: Instant(nanoseconds: 1 << 60))
      _ = controller.handle(.start, now: Instant(nanoseconds: 1 << 60))
      let joined = NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: 1)
      _ = controller.handle(.agentHello(joined, pid: 1), now: Instant(nanoseconds: 1 << 60))
      _ = controller.handle(.agentReport(node: NodeID(0), []), now: Instant(nanoseconds: 1 << 60))
      let role = RoleSpec(command: ["x"], workingDirectory: "/")
      _ = controller.handle(
        .submit([JobSpec(name: "j", user: "u", role: role)], key: "", requestHash: 0),
        now: Instant(nanoseconds: 1 << 60))
      let member = MemberID(attempt: AttemptID(job: JobID(1), number: 1), index: 0)
      for second in 1...5 as ClosedRange<Int64> {
        let now = Instant(nanoseconds: 1 << 60 + second * 1_000_000_000)
        _ = controller.handle(.shimReport(member, beat.report), now: now)
        _ = controller.handle(.tick, now: now)
      }
    }
  }

  /// A beat of one rank that runs and has said a step, with one number of it replaced.
  private static func beat(_ field: String, _ value: Int64) -> JSON {
    var rank: [JSON.Member] = [
      .init(name: "rank", value: 0), .init(name: "pid", value: 1), .init(name: "state", value: "running"),
      .init(name: "step", value: 1),
    ]
    rank.removeAll { $0.name == field }
    rank.append(.init(name: field, value: .int(value)))
    return ["t": "beat", "n": 1, "state": "running", "port": 1, "ranks": [.object(rank)]]
  }

  @Test("ages over ten years, codes over 255 and signals over 64 are refused")
  func ranges() {
    for (field, value) in [
      ("stepAgeMs", Int64.max), ("exitedAgeMs", -1), ("signal", 65), ("exitCode", 256), ("step", -1),
      ("checkpoint", 1 << 61),
    ] as [(String, Int64)] {
      let error = #expect(throws: LinkError.self) { try NodeMessage.decode(Self.beat(field, value)) }
      #expect(error?.field == field)
    }
  }

  @Test("an order with a warning is an order that older shims read, and one without is as it always was")
  func warning() throws {
    var order = ShimOrder(
      want: .go(masterAddress: "10.0.0.1", masterPort: 1), acknowledges: 7, probe: false, lease: .seconds(30), warn: 10)
    let message = ControllerMessage.want(epoch: 3, order)
    #expect(message.json["want"] == "go" && message.json["warn"] == 10)
    #expect(try ControllerMessage.decode(message.json) == message)
    order.warn = nil
    #expect(ControllerMessage.want(epoch: 3, order).json["warn"] == nil)
    for nonsense: JSON in [0, 65, -1, "USR1"] {
      var members = message.json.objectValue ?? []
      members.removeAll { $0.name == "warn" }
      members.append(.init(name: "warn", value: nonsense))
      #expect(try ControllerMessage.decode(.object(members)) == .want(epoch: 3, order))
    }
  }

  private static let hello = AgentHello(
    node: "n", machine: "m", boot: "b", devices: 8, deviceType: "H100", cpus: 1, memoryBytes: 1, address: "10.0.0.1",
    pid: 1)

  @Test("an agent says its labels, and nothing where it has none")
  func labels() throws {
    var hello = Self.hello
    #expect(NodeMessage.agentHello(hello).json["labels"] == nil)
    #expect(try NodeMessage.decode(NodeMessage.agentHello(hello).json) == .agentHello(hello))
    hello.labels = [Label(key: "ib", value: "hdr"), Label(key: "rack", value: "")]
    #expect(try NodeMessage.decode(NodeMessage.agentHello(hello).json) == .agentHello(hello))
  }

  @Test(
    "what is no label is refused",
    arguments: [
      ["a b": "c"], ["a": 1], ["a": "x y"], ["a": "1", "b": "2", "a": "3"], "a=b", ["": "x"],
      .object((0...32).map { .init(name: "k\($0)", value: "v") }),
    ] as [JSON])
  func wrongLabels(labels: JSON) {
    let members = NodeMessage.agentHello(Self.hello).json.objectValue ?? []
    let message = JSON.object(members + [.init(name: "labels", value: labels)])
    #expect(throws: LinkError(field: "labels")) { try NodeMessage.decode(message) }
  }

  @Test("a launch says of which array it is a task, and nothing where it is of none")
  func launchOfArray() throws {
    let member = MemberID(attempt: AttemptID(job: JobID(44), number: 1), index: 0)
    var launch = MemberLaunch(
      member: member, memberCount: 1, role: "main", firstRank: 0, ranks: 1, worldSize: 1, devices: [], nodeList: "n",
      jobName: "j", user: "u", project: "p", command: ["a"], environment: [], workingDirectory: "/", memoryBytes: 0,
      cpus: 0, resumeStep: 0, logLimitBytes: 1, lease: .seconds(30))
    #expect(launch.json["array"] == nil)
    #expect(try MemberLaunch(json: launch.json) == launch)
    launch.array = LaunchArray(array: JobID(41), index: 3, count: 4)
    #expect(try MemberLaunch(json: launch.json) == launch)
  }

  @Test("an intent names what the agent has, tells the rest in full, and no more of it than fits into a message")
  func intents() {
    let now = Instant(nanoseconds: 1 << 60)
    var controller = Controller(cluster: Cluster(), now: now)
    _ = controller.handle(.start, now: now)
    let joined = NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: 8)
    _ = controller.handle(.agentHello(joined, pid: 1), now: now)
    _ = controller.handle(.agentReport(node: NodeID(0), []), now: now)
    let value = String(repeating: "x", count: 100 << 10)
    let role = RoleSpec(
      command: ["x"], environment: [EnvironmentVariable(name: "A", value: value)], workingDirectory: "/")
    let spec = JobSpec(name: "j", user: "u", role: role)
    _ = controller.handle(.submit(Array(repeating: spec, count: 12), key: "", requestHash: 0), now: now)
    var known: Set<MemberID> = []
    var rounds = 0
    while known.count < 12, rounds < 12 {
      let intent = controller.nodeIntent(for: NodeID(0), known: known)
      #expect(intent.launches.count + intent.others.count == 12 && !intent.launches.isEmpty)
      let message = ControllerMessage.intent(epoch: 1, intent)
      #expect(message.json.text.utf8.count < intentLineLimit / 8)
      #expect((try? ControllerMessage.decode(message.json)) == message)
      known.formUnion(intent.launches.map(\.member))
      rounds += 1
    }
    #expect(known.count == 12 && rounds == 6)
    #expect(controller.nodeIntent(for: NodeID(0), known: known).launches.isEmpty)
  }
}
