import MusterAgent

/// The embedded default: N nodes on this machine, each an agent of its own.
///
/// An agent that died while its shims live is started again: its job never notices. An agent that died together with
/// its shims is a dead node: the engine says so, and starts it anew only when a person has resumed it.
public actor LocalEngine {
  public struct Options: Sendable {
    public var nodes: Int
    public var devices: Int
    public var dataFolder: String
    public var executable: String
    /// What every agent is told beside: its labels, the type of its devices.
    public var nodeArguments: [String]
    /// Node i serves its metrics on loopback at this port + i - 1; 0: the kernel chooses; nil: none does.
    public var metricsPort: Int?

    public init(
      nodes: Int, devices: Int, dataFolder: String, executable: String, nodeArguments: [String] = [],
      metricsPort: Int? = nil
    ) {
      self.metricsPort = metricsPort
      self.nodeArguments = nodeArguments
      self.nodes = nodes
      self.devices = devices
      self.dataFolder = dataFolder
      self.executable = executable
    }
  }

  /// How often agents are looked at.
  static let look = Duration.milliseconds(50)
  /// After an agent's death its shims are watched this long: do they die with it?
  static let verdictAfter = 6  // looks: 0.3 s
  /// What its shims left is killed, and looked for this long: then a new agent goes on with it.
  static let leftoversAfter = 26  // looks: 1.3 s
  /// Without a controller for so long, and nothing running, a local agent ends by itself.
  static let orphanSeconds = 120

  private enum Life {
    case running
    /// Looks since the agent's death.
    case judged(looks: Int)
    case dead
  }
  private struct Slot {
    var agent: LocalAgent
    var life: Life
    var startedAt: ContinuousClock.Instant
    var metricsPort: Int?
  }

  private let options: Options
  private let listener: any EngineListener
  private var slots: [Slot] = []
  private var looks = 0

  public static func nodeNames(_ count: Int) -> [String] { (1...max(1, count)).map { "node-\($0)" } }

  public init(_ options: Options, listener: any EngineListener) {
    self.options = options
    self.listener = listener
  }

  public struct StartFailure: Error, CustomStringConvertible {
    public var node: String
    public var code: Int32
    public var description: String { "agent of \(node) cannot be started (errno \(code))" }
  }

  /// Starts every node, or takes up the agent that still runs on its folder.
  public func start() throws {
    for name in Self.nodeNames(options.nodes) {
      var slot = Slot(
        agent: LocalAgent(name: name, folder: "\(options.dataFolder)/nodes/\(name)"), life: .running, startedAt: .now)
      slot.metricsPort = options.metricsPort.map { $0 == 0 ? 0 : $0 + slots.count }
      if !slot.agent.adopt() { try start(&slot) }
      slots.append(slot)
    }
  }

  private func start(_ slot: inout Slot) throws {
    let arguments =
      [
        "--address-file", "\(options.dataFolder)/address", "--token-file", "\(options.dataFolder)/node-token",
        "--name", slot.agent.name, "--devices", "\(options.devices)", "--data", slot.agent.folder,
        "--orphan-timeout", "\(Self.orphanSeconds)",
      ] + options.nodeArguments + (slot.metricsPort.map { ["--metrics-listen", "127.0.0.1:\($0)"] } ?? [])
    let code = slot.agent.start(executable: options.executable, arguments: arguments)
    guard code == 0 else { throw StartFailure(node: slot.agent.name, code: code) }
    slot.life = .running
    slot.startedAt = .now
  }

  /// Watches until the task is cancelled.
  public func run() async throws {
    while !Task.isCancelled {
      try await Task.sleep(for: Self.look)
      looks += 1
      let isolated = looks % 10 == 0 ? try await listener.isolatedNodes() : nil
      for i in slots.indices { try await look(i, isolated: isolated) }
    }
  }

  private func look(_ i: Int, isolated: Set<String>?) async throws {
    switch slots[i].life {
    case .running:
      guard slots[i].agent.hasEnded else { return }
      slots[i].agent.collect()
      slots[i].life = .judged(looks: 0)
    case .judged(let looks):
      let (alive, members) = slots[i].agent.shims()
      // Some still live: perhaps only for a moment.
      if alive > 0, looks < Self.verdictAfter {
        slots[i].life = .judged(looks: looks + 1)
        return
      }
      let name = slots[i].agent.name
      if alive == 0, members > 0, try await listener.hasMembers(name) {
        // Its word is proof that nothing runs.
        guard slots[i].agent.isNothingLeft() else {
          if looks < Self.leftoversAfter { slots[i].life = .judged(looks: looks + 1) } else { try start(&slots[i]) }
          return
        }
        slots[i].life = .dead
        listener.nodeDied(name, evidence: "the local engine saw its agent and its \(members) shims gone")
      } else if slots[i].startedAt + .seconds(1) < .now {
        try start(&slots[i])
      }
    case .dead:
      if let isolated, !isolated.contains(slots[i].agent.name) { try start(&slots[i]) }
    }
  }

  /// Ends all shims and agents.
  public func stop() {
    for slot in slots {
      slot.agent.kill()
      slot.agent.killShims()
    }
  }
}
