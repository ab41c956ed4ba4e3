import MusterCore
import MusterNode
import MusterProtocol

/// A machine with its agent. Times are virtual nanoseconds, or milliseconds of the node's boot-time clock.
struct SimNode: Sendable {
  let name: String
  var machine: String
  var devices: Int32 = 4
  var boot = 1
  var bootedAt: Int64 = 0
  /// Millionths by which its clock runs fast (or slow).
  let drift: Int64
  var isOn = true
  var offSince: Int64 = 0
  var isLostForGood = false
  var frozenUntil: Int64 = 0
  var thawedAt: Int64 = -1

  // Its path to the controller.
  var upCutUntil: Int64 = 0
  var downCutUntil: Int64 = 0
  var cutIsNoticed = true
  var slowUntil: Int64 = 0

  // Its agent.
  var agentUp = false
  var agentLife = 0
  var agent = AgentMachine()
  var link = SimLink()
  var nextReport: Int64 = 0
  var beat: Int64 = 0
  var wake = 0
  var stalledUntil: Int64 = 0
  var held = HeldMail()
  var cannotStartUntil: Int64 = 0
  /// Run folders on its disk: they outlive agents and boots. The shim that each was made for.
  var folders: [MemberID: Int] = [:]

  init(number: Int, drift: Int64) {
    name = "node-\(number + 1)"
    machine = "machine-\(number + 1)"
    self.drift = drift
  }

  func clock(_ now: Int64) -> Int64 { (now - bootedAt) / 1_000 * (1_000_000 + drift) / 1_000_000_000 }

  /// When its clock will show this.
  func moment(_ milliseconds: Int64) -> Int64 {
    bootedAt + (milliseconds * 1_000_000_000 / (1_000_000 + drift) + 1) * 1_000
  }
}

/// What comes to an agent or a shim over its connection.
enum Mail: Sendable {
  case message(ControllerMessage)
  case closed
}

/// What came to a process that is stopped or starved: it reads it when it runs again, in order.
struct HeldMail: Sendable {
  private var items: [(connection: Int, mail: Mail)] = []

  mutating func keep(_ connection: Int, _ mail: Mail) { items.append((connection, mail)) }

  mutating func take() -> [(connection: Int, mail: Mail)] {
    defer { items = [] }
    return items
  }
}

/// The loop around `AgentMachine`, as `AgentLoop` runs it.
extension World {
  mutating func bootAgent(_ i: Int, life: Int) {
    guard nodes[i].isOn, !nodes[i].agentUp, nodes[i].agentLife == life else { return }
    if nodes[i].frozenUntil > now { return timeline.put(.agentBoots(i, life: life), at: nodes[i].frozenUntil) }
    nodes[i].agentUp = true
    nodes[i].agent = AgentMachine()
    nodes[i].link = SimLink()
    _ = nodes[i].held.take()
    nodes[i].beat = 0
    nodes[i].stalledUntil = 0
    nodes[i].link.redialAt = nodes[i].clock(now)
    nodes[i].nextReport = nodes[i].clock(now)
    // Finds what runs from before its own start. Ranks without a live shim are killed first.
    for member in nodes[i].folders.keys.sorted(by: World.inOrder) {
      guard let s = nodes[i].folders[member] else { continue }
      if !shims[s].isAlive, !shims[s].isGone { everythingEnded(s) }
      nodes[i].agent.has(member, shimPID: Int32(s + 1), alive: shims[s].isAlive)
    }
    runAgent(i)
  }

  mutating func crashAgent(_ i: Int) {
    guard nodes[i].agentUp else { return }
    nodes[i].agentUp = false
    nodes[i].agentLife += 1
    nodes[i].stalledUntil = 0
    if let c = nodes[i].link.connection { clientEnds(c) }
  }

  private func isHeld(_ i: Int) -> Bool { now < nodes[i].stalledUntil || now < nodes[i].frozenUntil }

  mutating func agentHears(_ i: Int, _ c: Int, _ mail: Mail) {
    guard !isHeld(i) else { return nodes[i].held.keep(c, mail) }
    hear(i, c, mail)
    runAgent(i)
  }

  mutating func resumeAgent(_ i: Int) {
    guard nodes[i].agentUp, !isHeld(i) else { return }
    for (c, mail) in nodes[i].held.take() { hear(i, c, mail) }
    runAgent(i)
  }

  private mutating func hear(_ i: Int, _ c: Int, _ mail: Mail) {
    guard nodes[i].link.connection == c else { return }
    switch mail {
    case .closed: nodes[i].link.dropped(now: nodes[i].clock(now), chance: &network)
    case .message(let message):
      nodes[i].link.heard()
      switch message {
      case .welcome(let epoch): act(i, nodes[i].agent.welcomed(epoch: epoch))
      case .intent(let epoch, let intent): act(i, nodes[i].agent.intended(intent, epoch: epoch))
      case .refused, .want, .inject, .logRead, .certificate: break
      }
    }
  }

  mutating func runAgent(_ i: Int) {
    guard nodes[i].agentUp, nodes[i].isOn, !isHeld(i) else { return }
    let clock = nodes[i].clock(now)
    lookAtLeases(i, clock)
    switch nodes[i].link.task(now: clock) {
    case .nothing: break
    case .dial:
      connections.append(Connection(.agent(i, life: nodes[i].agentLife), node: i))
      let c = connections.count - 1
      nodes[i].link.dialed(c, now: clock)
      sendUp(c, .agentHello(hello(i, machine: nodes[i].machine)))
    case .giveUp: hangUp(i, clock)
    }
    if clock >= nodes[i].nextReport {
      nodes[i].nextReport = clock + nodes[i].agent.reportEvery
      if let c = nodes[i].link.connection {
        nodes[i].beat += 1
        sendUp(c, .report(beat: nodes[i].beat, members: nodes[i].agent.report))
      }
    }
    let until = min(nodes[i].nextReport, nodes[i].link.deadline ?? .max, nodes[i].agent.deadline ?? .max)
    nodes[i].wake += 1
    timeline.put(.agent(i, wake: nodes[i].wake), at: max(now + 1_000, nodes[i].moment(until)))
  }

  func hello(_ i: Int, machine: String) -> AgentHello {
    AgentHello(
      node: nodes[i].name, machine: machine, boot: "\(machine)-boot-\(nodes[i].boot)", devices: nodes[i].devices,
      cpus: 8, memoryBytes: 1 << 30, address: "10.0.0.\(i + 1)", pid: Int32(nodes[i].agentLife + 1),
      epoch: nodes[i].agent.epoch,
      labels: [Label(key: "even", value: i % 2 == 0 ? "yes" : "no"), Label(key: "rack", value: "r\(i / 3)")])
  }

  private mutating func hangUp(_ i: Int, _ clock: Int64) {
    if let c = nodes[i].link.connection { clientEnds(c) }
    nodes[i].link.dropped(now: clock, chance: &network)
  }

  mutating func act(_ i: Int, _ actions: [AgentMachine.Action]) {
    for action in actions {
      switch action {
      case .startShim(let launch): startShim(i, launch)
      case .killShim(let member): if let s = nodes[i].folders[member] { killShim(s) }
      case .removeFolder(let member):
        nodes[i].folders[member] = nil
        nodes[i].nextReport = nodes[i].clock(now)
      case .report: nodes[i].nextReport = nodes[i].clock(now)
      case .hangUp: hangUp(i, nodes[i].clock(now))
      }
    }
  }

  private mutating func startShim(_ i: Int, _ launch: MemberLaunch) {
    if !durableAttempts.contains(launch.member.attempt) {
      violated(
        Failure(
          invariant: .durableBeforeTold, detail: "\(nodes[i].name) was told to start \(launch.member)",
          job: launch.member.attempt.job.number, node: Int32(i)))
    }
    if now < nodes[i].cannotStartUntil, inject(.shimCannotStart, "\(launch.member)", node: i) {
      return act(i, nodes[i].agent.couldNotStart(launch.member, "no memory"))
    }
    let shim = SimShim(launch, node: i, seed: seed, now: nodes[i].clock(now))
    shim.machine.planted = plant.ofTheShim
    shims.append(shim)
    let s = shims.count - 1
    liveShims.append(s)
    nodes[i].folders[launch.member] = s
    nodes[i].agent.has(launch.member, shimPID: Int32(s + 1), alive: true)
    shims[s].wake += 1
    timeline.put(.shim(s, wake: shims[s].wake), at: now + processes.between(2, 60) * 1_000_000)
  }

  /// Where a shim does not enforce its lease, its agent does.
  private mutating func lookAtLeases(_ i: Int, _ clock: Int64) {
    for s in liveShims where shims[s].node == i && shims[s].isAlive {
      nodes[i].agent.leaseEnds(shims[s].member, at: shims[s].writtenLease)
    }
    act(i, nodes[i].agent.tick(now: clock))
  }

  static func inOrder(_ a: MemberID, _ b: MemberID) -> Bool {
    (a.attempt.job, a.attempt.number, a.index) < (b.attempt.job, b.attempt.number, b.index)
  }
}
