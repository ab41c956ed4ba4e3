import CMuster
import Glibc
import MusterCore
import MusterNode
import MusterProtocol

/// The effects around `ShimMachine`: one thread, one poll(2).
struct ShimLoop: ~Copyable {
  static let beatInterval: Int64 = 500
  /// While something is being killed, its end is looked for this often: orphans that we adopted have no descriptor.
  static let killInterval: Int64 = 5

  private let input: ShimInput
  private let isInit: Bool
  private let hostProc: Int32?
  private let descendants: Descendants
  private let nullInput: Int32
  private let kernelLog: Int32?
  private var memoryKills = MemoryKills()
  private var machine: ShimMachine
  private var link: LinkConnection
  private var ranks: RankList
  private var preparation: Preparation?
  private var cgroup: MemoryCgroup?
  private var beat: Int64 = 0
  private var nextBeat: Int64 = 0
  private var isUrgent = true
  private var isKilling = false
  private var mayExit = false
  private var leaseFile: LeaseFile
  /// When what only the start needed is given back.
  private var tidyAt: Int64 = .max
  static let tidyAfter: Int64 = 1_500

  init(input: ShimInput, isInit: Bool, hostProc: Int32?) {
    self.input = input
    self.isInit = isInit
    self.hostProc = hostProc
    descendants = Descendants(isInit: isInit)
    nullInput = open("/dev/null", O_RDONLY | O_CLOEXEC)
    kernelLog = KernelLog.open()
    let now = bootMilliseconds()
    machine = ShimMachine(
      firstRank: input.launch.firstRank, rankCount: input.launch.ranks, lease: input.launch.lease.milliseconds,
      now: now)
    link = LinkConnection(
      addresses: input.addresses, credentials: input.credentials,
      seed: UInt64(truncatingIfNeeded: now) &* 31 &+ UInt64(getpid()))
    ranks = RankList()
    leaseFile = LeaseFile(folder: input.runFolder)
  }

  /// Until the controller has released the member.
  mutating func run() {
    prepare()
    while !mayExit {
      let now = bootMilliseconds()
      act(machine.tick(now: now), now: now)
      for event in link.tend(now: now) { heard(event, now: now) }
      reap(now: now)
      sendBeat(now: now)
      leaseFile.write(machine.leaseEndsAt)
      guard !mayExit else { break }
      if now >= tidyAt {
        tidyAt = .max
        StartupPages.giveBack()
      }
      wait(now: now)
    }
    if let cgroup { cgroup.remove() }
  }

  // MARK: Preparing and starting

  private mutating func prepare() {
    let environment = RankEnvironment(
      input: input, masterAddress: "", masterPort: 0, programFolder: ShimMain.programFolder)
    do {
      preparation = try Preparation(environment)
      try makeFolders()
      machine.prepared(nil)
    } catch let problem as Preparation.Problem {
      machine.prepared(problem.report)
    } catch {
      machine.prepared(ShimReport.Problem(code: "limits", message: "\(error)"))
    }
  }

  private mutating func makeFolders() throws(SystemFailure) {
    let runFolder = RunFolder(input.launch.member, at: input.runFolder)
    let code = makeFolder(input.logFolder)
    guard code == 0 else { throw SystemFailure(call: "mkdir \(input.logFolder)", code: code) }
    // The kernel's limit for a socket's path is 108 bytes.
    var folder = input.runFolder
    if folder.utf8.count > 96 {
      var template = Array("\(RunFolder.socketsElsewhere)XXXXXX".utf8CString)
      guard let made = mkdtemp(&template) else { throw SystemFailure(call: "mkdtemp", code: errno) }
      folder = String(cString: made)
      runFolder.note(sockets: folder)
    }
    for i in 0..<input.launch.ranks {
      try ranks.add(RankProcess(rank: input.launch.firstRank + i, input: input, socketFolder: folder))
    }
    if input.launch.memoryBytes > 0 {
      do throws(SystemFailure) {
        cgroup = try MemoryCgroup(
          name: "muster-\(input.node)-\(input.launch.member)", limitBytes: input.launch.memoryBytes
        ) { runFolder.note(cgroup: $0) }
      } catch {
        ShimMain.log("the memory limit of \(input.launch.memoryBytes >> 20) MiB is not enforced: \(error)")
      }
    }
  }

  private mutating func start(_ masterAddress: String, _ masterPort: Int32) {
    let environment = RankEnvironment(
      input: input, masterAddress: masterAddress, masterPort: masterPort, programFolder: ShimMain.programFolder)
    let program = preparation?.program ?? ""
    preparation?.releasePort()
    do throws(SpawnFailure) {
      let (nullInput, hostProc, procs) = (self.nullInput, self.hostProc, cgroup?.procs)
      try ranks.startAll(
        program: program, environment: environment, nullInput: nullInput, hostProc: hostProc, cgroup: procs)
      machine.started(pids: ranks.outerPIDs)
      tidyAt = bootMilliseconds() + Self.tidyAfter
    } catch {
      let code = error.stage == .exec ? "notExecutable" : "spawnFailed"
      // The file itself was there a moment ago.
      let why =
        error.stage == .exec && error.code == ENOENT
        ? "cannot be executed: the interpreter that its first line names does not exist" : errorText(error.code)
      let problem = ShimReport.Problem(code: code, message: "\(program): \(why)")
      act(machine.startFailed(problem), now: bootMilliseconds())
    }
    // A later agent finds them by this, should we be gone.
    writeFile("\(input.runFolder)/ranks.json", ranks.identitiesJSON.text)
    isUrgent = true
  }

  // MARK: Obeying

  private mutating func act(_ actions: [ShimMachine.Action], now: Int64) {
    for action in actions {
      switch action {
      case .start(let address, let port): start(address, port)
      case .signal(let number): descendants.signal(number, sessions: ranks.sessions)
      case .killAll:
        isKilling = true
        descendants.kill()
      case .exit: mayExit = true
      case .hangUp: heard(link.drop("a controller of an older epoch", now: now), now: now)
      }
      isUrgent = true
    }
  }

  private mutating func heard(_ event: LinkEvent, now: Int64) {
    switch event {
    case .connected:
      link.send(
        .shimHello(
          ShimHello(
            node: input.node, machine: input.machine, boot: input.boot, member: input.launch.member,
            pid: ShimMain.outerPID(hostProc), epoch: machine.epoch)))
      isUrgent = true
    case .closed(let reason): ShimMain.log("link: \(reason)")
    case .message(.welcome(let epoch)): act(machine.welcomed(epoch: epoch), now: now)
    case .message(.want(let epoch, let order)):
      let before = machine.state
      act(machine.ordered(order, epoch: epoch, now: now), now: now)
      isUrgent = isUrgent || machine.state != before
    case .message(.inject(_, .killRank(let rank))): ranks.signal(SIGKILL, rank: rank)
    case .message(.inject(_, .stopRank(let rank))): ranks.signal(SIGSTOP, rank: rank)
    case .message(.refused(let reason, _)): ShimMain.log("refused: \(reason)")
    case .message(.inject), .message(.intent), .message(.logRead), .message(.certificate): break
    }
  }

  /// Collects what has ended: our ranks, and orphans that came to us.
  private mutating func reap(now: Int64) {
    while true {
      var status: Int32 = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid > 0, let (rank, outer) = ranks.exited(pid) {
        let exit = ExitStatus(wait: status)
        // A rank that started what was killed passes it on as a code of its own.
        let evidence = exit.signal == SIGKILL || exit.code != 0 ? memoryEvidence(outer) : ""
        act(machine.exited(rank, exit, outOfMemory: evidence, now: now), now: now)
        isUrgent = true
      }
      if pid > 0 { continue }
      if pid < 0, errno == ECHILD, isKilling {
        isKilling = false
        machine.nothingLeft()
        isUrgent = true
      }
      break
    }
    if isKilling { descendants.kill() }
  }

  private mutating func memoryEvidence(_ pid: Int32) -> String {
    if let evidence = cgroup?.evidence(), !evidence.isEmpty { return evidence }
    guard let kernelLog else { return "" }
    memoryKills.take(KernelLog.read(kernelLog), of: ranks.outerPIDs)
    return memoryKills.evidence(of: pid)
  }

  // MARK: Beats and waiting

  private mutating func sendBeat(now: Int64) {
    let probes = machine.wantsProbe
    guard isUrgent || now >= nextBeat else { return }
    if now >= nextBeat {
      ranks.keepLogsWithinLimit()
      // The agent renews the certificate. A connection that kept the old one would be ended when that expires, and its
      // next dial come only after the pause of one who was refused: longer than a silence.
      if link.hasOldCertificate { heard(link.drop("a new certificate", now: now), now: now) }
    }
    ranks.refresh(&machine, now: now, probes: probes && now >= nextBeat)
    guard link.takesMessages else {
      nextBeat = now + Self.beatInterval
      return
    }
    beat += 1
    link.send(.beat(ShimBeat(number: beat, report: machine.report(port: preparation?.port ?? 0, now: now))))
    machine.beatSent(beat, at: now)
    isUrgent = false
    if now >= nextBeat { nextBeat = now + Self.beatInterval }
  }

  private mutating func wait(now: Int64) {
    var entries: [pollfd] = []
    if let descriptor = link.descriptor { entries.append(pollfd(fd: descriptor, events: link.events, revents: 0)) }
    let linkEntries = entries.count
    ranks.addTo(&entries)
    var until = nextBeat
    if let deadline = machine.deadline { until = min(until, deadline) }
    if let deadline = link.deadline { until = min(until, deadline) }
    if isKilling { until = min(until, now + Self.killInterval) }
    let timeout = Int32(clamping: max(0, until - now))
    guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return }
    let after = bootMilliseconds()
    if linkEntries == 1, entries[0].revents != 0 {
      for event in link.handle(entries[0].revents, now: after) { heard(event, now: after) }
    }
    if ranks.readNotices(now: after, &machine) { isUrgent = true }
  }
}
