import CMuster
import Glibc
import MusterClient
import MusterCore
import MusterMetrics
import MusterNode
import MusterProtocol
import MusterTLS

/// The effects around `AgentMachine`: one thread, one poll(2).
struct AgentLoop: ~Copyable {
  private static let leaseLookInterval: Int64 = 1_000
  /// As `muster` exits when it was refused.
  static let refusedStatus: Int32 = 5

  private let options: AgentOptions
  private let devices: DeviceInventory
  private let watch: DeviceWatch
  private let machine: Machine
  private var members = AgentMachine()
  private var link: LinkConnection
  private struct Shim {
    var member: MemberID
    var pid: Int32
    /// Tells of its end.
    var pidfd: Int32
    /// Its end is the end of all under it.
    var isNamespace: Bool
    /// Where it is not: ranks that the last look has seen alive.
    var ranks: [ProcessIdentity] = []
  }
  private var shims: [Shim] = []
  private var leftovers: [Leftovers] = []
  private var nextLeftoversLook: Int64 = .max
  private let namespaceFlags: Int32
  private var metrics: MetricsListener
  private var counts = AgentCounts()
  private var beat: Int64 = 0
  private var nextReport: Int64 = 0
  private var nextLeaseLook: Int64 = 0
  private var heardAt: Int64
  private var isAdopter = false
  /// For good: the machine was revoked.
  private var isRefused = false

  init(options: AgentOptions, devices: DeviceInventory, watch: DeviceWatch, metricsToken: String) {
    self.options = options
    machine = Machine(name: options.name, dataFolder: options.dataFolder, bootID: options.bootID)
    let now = bootMilliseconds()
    heardAt = now
    namespaceFlags = ShimStart.allowedFlags()
    // Asked for now: a directory service that does not answer must not hold the loop up.
    _ = ShimStart.user
    self.devices = devices
    self.watch = watch
    metrics = MetricsListener(options.metrics, token: metricsToken)
    link = LinkConnection(
      addresses: options.addresses, credentials: options.credentials,
      seed: UInt64(truncatingIfNeeded: now) &+ UInt64(getpid()) << 20)
  }

  /// Until the agent has been an orphan for too long. - Returns: the exit code.
  mutating func run() -> Int32 {
    adopt()
    while true {
      let now = bootMilliseconds()
      for event in link.tend(now: now) { heard(event, now: now) }
      lookAtLeases(now: now)
      lookForLeftovers(now: now)
      if now >= nextReport { report(now: now) }
      if link.isConnected, let rollup = watch.next(now: now) { link.send(.telemetry(rollup)) }
      serveMetrics(now: now)
      if let limit = options.orphanTimeoutSeconds, now - heardAt > limit * 1000, !anyRankRuns {
        AgentMain.log("no controller for \(limit) s and nothing runs here: this agent ends")
        // Shims that only wait to be released: their lease is long over.
        for shim in shims { muster_pidfd_signal(shim.pidfd, SIGKILL) }
        return 0
      }
      // What still runs ends by its shims' leases first.
      if isRefused, shims.isEmpty, leftovers.isEmpty { return AgentLoop.refusedStatus }
      wait(now: now)
    }
  }

  private var anyRankRuns: Bool {
    !leftovers.isEmpty
      || shims.contains { shim in
        RunFolder(shim.member, in: options.dataFolder).ranks.contains { ProcessTable.isAlive($0) }
      }
  }

  /// Where the gang's other nodes reach this one.
  private var address: String {
    let onTheWay = link.localAddress.isEmpty ? "127.0.0.1" : link.localAddress
    if let named = options.address { return HostAddresses.of(interface: named).first ?? named }
    // The controller is on this machine, and with TLS other hosts are nodes, too: loopback would be their own.
    guard Loopback.contains(onTheWay), case .identity = options.credentials else { return onTheWay }
    return HostAddresses.of().first { !Loopback.contains($0) } ?? onTheWay
  }

  private var hello: AgentHello {
    AgentHello(
      node: options.name, machine: machine.identity, boot: machine.boot, devices: devices.count,
      deviceType: options.deviceType ?? devices.type, cpus: machine.cpus, memoryBytes: machine.memoryBytes,
      address: address, pid: getpid(),
      epoch: members.epoch, labels: options.labels)
  }

  private var hasNamespaces: Bool { namespaceFlags & Int32(MUSTER_SPAWN_NAMESPACE) != 0 }

  /// Finds what runs from before our own start.
  private mutating func adopt() {
    // What loses its shim then falls to us. (Process 1 of a container gets the orphans of others, too.)
    isAdopter = !hasNamespaces && getpid() != 1 && muster_subreaper() == 0
    for folder in RunFolder.all(in: options.dataFolder) {
      if let shim = folder.shim, let pidfd = ProcessTable.open(shim) {
        shims.append(Shim(member: folder.member, pid: shim.pid, pidfd: pidfd, isNamespace: folder.isNamespace))
        members.has(folder.member, shimPID: shim.pid, alive: true)
      } else {
        // Until it is proven that nothing has outlived its shim, the member runs.
        members.has(folder.member, shimPID: folder.shim?.pid ?? 0, alive: !folder.isNamespace)
        if !folder.isNamespace { left(folder, aliveLately: [], now: bootMilliseconds()) }
      }
    }
  }

  private mutating func heard(_ event: LinkEvent, now: Int64) {
    switch event {
    case .connected: link.send(.agentHello(hello))
    case .closed(let reason):
      counts.linkEnds += 1
      AgentMain.log("link: \(reason)")
    case .message(let message):
      heardAt = now
      switch message {
      case .welcome(let epoch): act(members.welcomed(epoch: epoch), now: now)
      case .intent(let epoch, let intent): act(members.intended(intent, epoch: epoch), now: now)
      case .refused(let reason, let isFinal):
        AgentMain.log("refused: \(reason)")
        isRefused = isFinal
      case .inject(_, .killNode): dieAsNode()
      case .inject(_, .killAgent): kill(getpid(), SIGKILL)
      case .certificate(let pem): renew(pem, now: now)
      case .logRead(_, let request):
        link.send(.logData(LogReader.read(request, logFolder: options.dataFolder + "/logs")))
      case .want, .inject: break
      }
    }
  }

  /// The controller has sent a new certificate for our key; the connection is made anew with it.
  private mutating func renew(_ pem: String, now: Int64) {
    guard case .identity(let folder) = options.credentials else { return }
    do {
      try NodeIdentity(folder: folder).store(certificatePEM: pem)
      _ = link.drop("a new certificate", now: now)
    } catch {
      AgentMain.log("the new certificate cannot be kept: \(error)")
    }
  }

  private mutating func act(_ actions: [AgentMachine.Action], now: Int64) {
    for action in actions {
      switch action {
      case .startShim(let launch): start(launch, now: now)
      case .killShim(let member):
        for shim in shims where shim.member == member { muster_pidfd_signal(shim.pidfd, SIGKILL) }
      case .removeFolder(let member):
        RunFolder(member, in: options.dataFolder).remove()
        nextReport = now
      case .report: nextReport = now
      case .hangUp: heard(link.drop("a controller of an older epoch", now: now), now: now)
      }
    }
  }

  /// Once a second, and when by the last look a lease is over: it may have been renewed since.
  private mutating func lookAtLeases(now: Int64) {
    guard now >= min(nextLeaseLook, members.deadline ?? .max) else { return }
    nextLeaseLook = now + Self.leaseLookInterval
    for i in shims.indices {
      let folder = RunFolder(shims[i].member, in: options.dataFolder)
      members.leaseEnds(folder.member, at: LeaseFile.read(folder: folder.path))
      if !shims[i].isNamespace { shims[i].ranks = folder.ranks.filter(ProcessTable.isAlive) }
    }
    act(members.tick(now: now), now: now)
  }

  private mutating func start(_ launch: MemberLaunch, now: Int64) {
    let folder = RunFolder(launch.member, in: options.dataFolder)
    let start = ShimStart(
      options: options, dialFirst: link.dialled, machine: machine, launch: launch, folder: folder,
      flags: namespaceFlags,
      address: address)
    do throws(SystemFailure) {
      let shim = try start.run()
      shims.append(Shim(member: launch.member, pid: shim.pid, pidfd: shim.pidfd, isNamespace: hasNamespaces))
      members.has(launch.member, shimPID: shim.pid, alive: true)
      counts.shimsStarted += 1
    } catch {
      counts.spawnFailures += 1
      act(members.couldNotStart(launch.member, "\(error)"), now: now)
    }
  }

  private mutating func report(now: Int64) {
    nextReport = now + members.reportEvery
    guard link.takesMessages else { return }
    beat += 1
    counts.reports += 1
    link.send(.report(beat: beat, members: members.report))
  }

  /// `inject kill-node`: all shims, whose namespaces die with them, then ourselves.
  private func dieAsNode() {
    for shim in shims { muster_pidfd_signal(shim.pidfd, SIGKILL) }
    kill(getpid(), SIGKILL)
  }

  private mutating func wait(now: Int64) {
    var entries: [pollfd] = shims.map { pollfd(fd: $0.pidfd, events: Int16(POLLIN), revents: 0) }
    if let descriptor = link.descriptor { entries.append(pollfd(fd: descriptor, events: link.events, revents: 0)) }
    let ours = entries.count
    entries += metrics.entries
    let until = min(
      nextReport, link.deadline ?? .max, members.deadline ?? .max, nextLeftoversLook, metrics.deadline ?? .max)
    let timeout = Int32(clamping: max(0, until - now))
    guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
    let after = bootMilliseconds()
    if ours > shims.count, entries[shims.count].revents != 0 {
      for event in link.handle(entries[shims.count].revents, now: after) { heard(event, now: after) }
    }
    metrics.handle(entries[ours...], now: after)
    collect(now: after)
  }

  /// Whoever asked meanwhile is answered; what is told is made when somebody wants it.
  private mutating func serveMetrics(now: Int64) {
    if let news = metrics.tend(now: now) {
      AgentMain.log(news)
      if let address = metrics.address { writeFile(options.dataFolder + "/metrics-address", address + "\n") }
    }
    metrics.answer(metrics.wantsFigures(now: now) ? figures(now: now).families : nil, now: now)
  }

  private func figures(now: Int64) -> AgentFigures {
    let folders = shims.map { RunFolder($0.member, in: options.dataFolder) }
    let logs = Set(shims.map { "\(options.dataFolder)/logs/\($0.member.attempt.job)/\($0.member.attempt.number)" })
    let report = members.report
    return AgentFigures(
      version: options.version, counts: counts, isConnected: link.isConnected, epoch: members.epoch,
      silence: now - heardAt, membersAlive: report.count(where: \.alive), membersEnded: report.count { !$0.alive },
      ranks: folders.reduce(0) { $0 + $1.ranks.count(where: ProcessTable.isAlive) }, leftovers: leftovers.count,
      devices: devices.count, lease: members.firstLeaseEnd.map { max(0, $0 - now) }, logCutBytes: LogCuts.bytes(logs),
      watch: watch.figures(node: options.name), process: ProcessFigures.read())
  }

  /// A shim's descriptor is readable: it is gone, and as init of a namespace everything under it.
  private mutating func collect(now: Int64) {
    for shim in shims where ProcessTable.hasEnded(shim.pidfd) {
      // Ours is a child to be waited for; one from before our start is not.
      waitpid(shim.pid, nil, WNOHANG)
      close(shim.pidfd)
      shims.removeAll { $0.member == shim.member }
      if shim.isNamespace {
        act(members.ended(shim.member), now: now)
      } else {
        left(RunFolder(shim.member, in: options.dataFolder), aliveLately: shim.ranks, now: now)
      }
    }
  }

  private mutating func left(_ folder: RunFolder, aliveLately: [ProcessIdentity], now: Int64) {
    leftovers.append(Leftovers(of: folder, aliveLately: aliveLately, now: now))
    nextLeftoversLook = now
  }

  /// Members whose shim is gone have ended when nothing of them is left: killed, and not seen any more.
  private mutating func lookForLeftovers(now: Int64) {
    guard !leftovers.isEmpty, now >= nextLeftoversLook else { return }
    let table = ProcessTable.all()
    let adopter = isAdopter ? Leftovers.Adopter(pid: getpid(), shims: Set(shims.map(\.pid))) : nil
    for i in leftovers.indices {
      let new = leftovers[i].look(table, adopter: adopter)
      if !new.isEmpty {
        let pids = new.map { "\($0.pid)" }.joined(separator: ", ")
        AgentMain.log("killed what the shim of \(leftovers[i].member) left: processes \(pids)")
      }
    }
    if let adopter { Leftovers.reap(table, adopter: adopter) }
    for gone in leftovers where gone.isGone { act(members.ended(gone.member), now: now) }
    leftovers.removeAll(where: \.isGone)
    nextLeftoversLook = leftovers.map { $0.nextLook(now: now) }.min() ?? .max
  }
}
