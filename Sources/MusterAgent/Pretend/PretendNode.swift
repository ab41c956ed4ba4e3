import Glibc
import MusterCore
import MusterNode
import MusterProtocol

/// A pretend agent with its pretend shims. Used on one thread.
final class PretendNode: PretendLink {
  private let name: String
  private let options: PretendFleet.Options
  private let credentials: LinkCredentials
  private var link: LinkConnection
  private var machine = AgentMachine()
  private var shims: [MemberID: PretendShim] = [:]
  private var beat: Int64 = 0
  private var nextReport: Int64 = 0
  private(set) var isWelcome = false

  init(name: String, options: PretendFleet.Options, credentials: LinkCredentials) {
    self.name = name
    self.options = options
    self.credentials = credentials
    link = LinkConnection(
      addresses: options.addresses, credentials: credentials, seed: UInt64(truncatingIfNeeded: name.hashValue))
  }

  var descriptor: Int32? { link.descriptor }
  var events: Int16 { link.events }

  func forEachLink(_ body: (any PretendLink) -> Void) {
    body(self)
    for shim in shims.values { body(shim) }
  }

  func tend(now: Int64) {
    if now >= link.deadline ?? .max { for event in link.tend(now: now) { heard(event, now: now) } }
    if now >= nextReport { report(now: now) }
    for shim in shims.values { shim.tend(now: now) }
    for (member, shim) in shims where shim.hasEnded {
      shims[member] = nil
      act(machine.ended(member), now: now)
    }
  }

  func handle(_ revents: Int16, now: Int64) {
    for event in link.handle(revents, now: now) { heard(event, now: now) }
  }

  private func heard(_ event: LinkEvent, now: Int64) {
    switch event {
    case .connected:
      link.send(
        .agentHello(
          AgentHello(
            node: name, machine: name, boot: "boot", devices: options.devices, cpus: 8, memoryBytes: 1 << 36,
            address: "127.0.0.1", pid: getpid(), epoch: machine.epoch)))
    case .closed: isWelcome = false
    case .message(.welcome(let epoch)):
      isWelcome = true
      act(machine.welcomed(epoch: epoch), now: now)
    case .message(.intent(let epoch, let intent)): act(machine.intended(intent, epoch: epoch), now: now)
    case .message(.inject(_, .killNode)):
      for shim in shims.values { shim.end() }
    case .message: break
    }
  }

  private func act(_ actions: [AgentMachine.Action], now: Int64) {
    for action in actions {
      switch action {
      case .startShim(let launch):
        shims[launch.member] = PretendShim(
          launch, node: name, addresses: options.addresses, credentials: credentials, now: now)
        machine.has(launch.member, shimPID: 1, alive: true)
      case .killShim(let member): shims[member]?.end()
      case .removeFolder: break
      case .report: nextReport = now
      case .hangUp: _ = link.drop("a controller of an older epoch", now: now)
      }
    }
  }

  private func report(now: Int64) {
    nextReport = now + machine.reportEvery
    guard link.takesMessages else { return }
    beat += 1
    link.send(.report(beat: beat, members: machine.report))
  }
}

/// A pretend shim: its ranks start when they are told to and run until they are stopped.
final class PretendShim: PretendLink {
  private let launch: MemberLaunch
  private let node: String
  private var machine: ShimMachine
  private var link: LinkConnection
  private var beat: Int64 = 0
  private var nextBeat: Int64 = 0
  private(set) var hasEnded = false

  init(_ launch: MemberLaunch, node: String, addresses: LinkAddresses, credentials: LinkCredentials, now: Int64) {
    self.launch = launch
    self.node = node
    machine = ShimMachine(
      firstRank: launch.firstRank, rankCount: launch.ranks, lease: launch.lease.milliseconds, now: now)
    machine.prepared(nil)
    link = LinkConnection(
      addresses: addresses, credentials: credentials, seed: UInt64(truncatingIfNeeded: launch.member.hashValue))
  }

  var descriptor: Int32? { link.descriptor }
  var events: Int16 { link.events }
  func end() { hasEnded = true }

  func tend(now: Int64) {
    act(machine.tick(now: now), now: now)
    if now >= link.deadline ?? .max { for event in link.tend(now: now) { heard(event, now: now) } }
    if now >= nextBeat { sendBeat(now: now) }
  }

  func handle(_ revents: Int16, now: Int64) {
    for event in link.handle(revents, now: now) { heard(event, now: now) }
  }

  private func heard(_ event: LinkEvent, now: Int64) {
    switch event {
    case .connected:
      link.send(
        .shimHello(
          ShimHello(
            node: node, machine: node, boot: "boot", member: launch.member, pid: getpid(),
            epoch: machine.epoch)))
      nextBeat = now
    case .message(.welcome(let epoch)): act(machine.welcomed(epoch: epoch), now: now)
    case .message(.want(let epoch, let order)): act(machine.ordered(order, epoch: epoch, now: now), now: now)
    case .message, .closed: break
    }
  }

  private func act(_ actions: [ShimMachine.Action], now: Int64) {
    for action in actions {
      nextBeat = now
      switch action {
      case .start: machine.started(pids: (0..<launch.ranks).map { 1000 + $0 })
      case .signal(let number): exit(.signal(number), now: now)
      case .killAll:
        exit(.signal(SIGKILL), now: now)
        machine.nothingLeft()
      case .exit: hasEnded = true
      case .hangUp: _ = link.drop("a controller of an older epoch", now: now)
      }
    }
  }

  private func exit(_ status: ExitStatus, now: Int64) {
    for rank in machine.ranks where rank.state == .running {
      // The last one's end asks for the rest to be killed: there is nothing left.
      if !machine.exited(rank.rank, status, outOfMemory: "", now: now).isEmpty { machine.nothingLeft() }
    }
  }

  private func sendBeat(now: Int64) {
    nextBeat = now + ShimLoop.beatInterval
    guard link.takesMessages else { return }
    beat += 1
    link.send(
      .beat(ShimBeat(number: beat, report: machine.report(port: launch.holdsPort ? 29_500 : 0, now: now))))
    machine.beatSent(beat, at: now)
  }
}
