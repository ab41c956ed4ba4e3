import MusterCore
import MusterProtocol

/// Faults and orders at bad moments. Each strike has a stream of chance of its own, so that leaving one out changes
/// nothing of the others.
extension World {
  static let longestCalm: Int64 = 3_000_000_000_000

  mutating func strike(_ number: Int) {
    guard isStorm else { return }
    var chance = Chance(seed: seed, purpose: 1_000_000 + UInt64(number))
    timeline.put(.strike(number + 1), at: now + chance.between(1, 2 * shape.meanBetweenStrikes))
    let i = chance.below(nodes.count)
    switch chance.below(100) {
    case 0..<9: strikeRank(&chance)
    case 9..<15: strikeShim(&chance)
    case 15..<22: strikeAgent(i, &chance)
    case 22..<28: strikeNode(i, &chance)
    case 28..<46: cut(i, &chance)
    case 46..<58: strikeController(&chance)
    case 58..<64: strikeDisk(&chance)
    case 64..<69: stall(i, &chance)
    case 69..<73: slow(i, &chance)
    case 73..<76: jumpClock(&chance)
    case 76..<79: replaceMachine(i)
    default: orderSomething(i, &chance)
    }
  }

  // MARK: Processes

  private func pickRunning(_ chance: inout Chance) -> Int? {
    let running = liveShims.filter { shims[$0].isAlive && isExecuting($0) }
    return running.isEmpty ? nil : running[chance.below(running.count)]
  }

  private mutating func strikeRank(_ chance: inout Chance) {
    guard let s = pickRunning(&chance) else { return }
    let stops = chance.hits(200)
    let (job, node) = (shims[s].job, shims[s].node)
    if stops {
      // One that never said a step is not watched: nothing is required of a job.
      guard !shims[s].isStopped, now - shims[s].startedAt > 1_500_000_000,
        shims[s].step(now) > shims[s].launch.resumeStep,
        inject(.rankStopped, "\(shims[s].member)", job: job, node: node)
      else { return }
      shims[s].lastStep = shims[s].step(now)
      shims[s].isStopped = true
      shims[s].run += 1
    } else if let rank = shims[s].running.firstIndex(of: true),
      inject(.rankKilled, "of \(shims[s].member)", job: job, node: node)
    {
      exit(s, rank, status: 9)
      runShim(s)
    }
  }

  private mutating func strikeShim(_ chance: inout Chance) {
    let alive = liveShims.filter { shims[$0].isAlive && nodes[shims[$0].node].isOn }
    guard !alive.isEmpty else { return }
    let s = alive[chance.below(alive.count)]
    let stalls = chance.hits(400)
    let time = chance.between(300, 20_000) * 1_000_000
    let i = shims[s].node
    if stalls {
      // Shim and agent of one node held at once is one fault more than the lease can stand.
      guard nodes[i].agentUp, now >= nodes[i].stalledUntil, now >= shims[s].stalledUntil,
        inject(.shimStalled, "\(shims[s].member) for \(time / 1_000_000) ms", job: shims[s].job, node: i)
      else { return }
      shims[s].stalledUntil = now + time
      timeline.put(.shimResumes(s), at: now + time)
    } else if inject(.shimCrashed, "\(shims[s].member)", job: shims[s].job, node: i) {
      killShim(s)
    }
  }

  private func hasStalledShim(_ i: Int) -> Bool {
    liveShims.contains { shims[$0].node == i && now < shims[$0].stalledUntil }
  }

  private mutating func strikeAgent(_ i: Int, _ chance: inout Chance) {
    let stalls = chance.hits(350)
    let time = chance.between(100, 9_000) * 1_000_000
    let cannotStart = chance.hits(150)
    guard nodes[i].agentUp, now >= nodes[i].stalledUntil, !hasStalledShim(i) else { return }
    if cannotStart {
      nodes[i].cannotStartUntil = now + time
    } else if stalls {
      guard inject(.agentStalled, "for \(time / 1_000_000) ms", node: i) else { return }
      nodes[i].stalledUntil = now + time
      timeline.put(.agentResumes(i), at: now + time)
    } else if inject(.agentCrashed, "back in \(time / 1_000_000) ms", node: i) {
      crashAgent(i)
      timeline.put(.agentBoots(i, life: nodes[i].agentLife), at: now + time)
    }
  }

  private mutating func stall(_ i: Int, _ chance: inout Chance) {
    let time = chance.between(300, 18_000) * 1_000_000
    let ofController = chance.hits(500)
    if ofController {
      guard host.isUp, now >= host.stalledUntil, inject(.controllerStalled, "for \(time / 1_000_000) ms") else {
        return
      }
      host.stalledUntil = now + time
      host.attentiveFrom = now + time
      return
    }
    guard nodes[i].isOn, now >= nodes[i].frozenUntil, inject(.nodeStalled, "for \(time / 1_000_000) ms", node: i)
    else { return }
    nodes[i].frozenUntil = now + time
    for s in liveShims where shims[s].node == i && shims[s].startedAt > 0 && shims[s].runs {
      shims[s].startedAt += time
      shims[s].run += 1
    }
    timeline.put(.thaw(i), at: now + time)
  }

  mutating func thaw(_ i: Int) {
    guard nodes[i].isOn, now >= nodes[i].frozenUntil else { return }
    nodes[i].frozenUntil = 0
    nodes[i].thawedAt = now
    for s in liveShims where shims[s].node == i {
      resumeShim(s)
      if shims[s].runs { foresee(s) }
    }
    resumeAgent(i)
  }

  // MARK: Machines

  private mutating func strikeNode(_ i: Int, _ chance: inout Chance) {
    let reboots = chance.hits(600)
    let time = chance.between(500, 20_000) * 1_000_000
    let (changes, speaks, isForGood) = (chance.hits(100), chance.hits(600), chance.hits(150))
    guard nodes[i].isOn, nodes[i].frozenUntil <= now,
      inject(reboots ? .nodeRebooted : .nodePoweredOff, "for \(time / 1_000_000) ms", node: i)
    else { return }
    powerOff(i)
    let isLast = isForGood && !reboots && !nodes.contains { $0.isLostForGood }
    if isLast, inject(.nodeLostForGood, "it never comes back", node: i) {
      nodes[i].isLostForGood = true
      return
    }
    if changes, inject(.devicesChanged, "", node: i) { nodes[i].devices = nodes[i].devices == 4 ? 3 : 4 }
    if speaks { timeline.put(.engineSays(i, boot: nodes[i].boot), at: now + chance.between(50, 400) * 1_000_000) }
    timeline.put(.nodeBoots(i), at: now + (reboots ? time : time * 4))
  }

  mutating func powerOff(_ i: Int) {
    crashAgent(i)
    nodes[i].agentLife += 1
    nodes[i].isOn = false
    nodes[i].offSince = now
    for s in liveShims where shims[s].node == i {
      shims[s].isAlive = false
      for r in shims[s].running.indices { shims[s].running[r] = false }
      if let c = shims[s].link.connection { clientEnds(c) }
      shims[s].isGone = true
    }
    liveShims.removeAll { shims[$0].node == i }
  }

  mutating func bootNode(_ i: Int) {
    guard !nodes[i].isOn else { return }
    nodes[i].isOn = true
    nodes[i].boot += 1
    nodes[i].bootedAt = now
    timeline.put(.agentBoots(i, life: nodes[i].agentLife), at: now + processes.between(50, 1_500) * 1_000_000)
  }

  /// Another machine dials under a name that is in use: it is refused.
  private mutating func replaceMachine(_ i: Int) {
    guard nodes[i].agentUp, inject(.machineReplaced, "another machine says that it is \(nodes[i].name)", node: i)
    else { return }
    connections.append(Connection(.stranger, node: i))
    sendUp(connections.count - 1, .agentHello(hello(i, machine: "stranger")))
  }

  // MARK: Network

  private mutating func cut(_ i: Int, _ chance: inout Chance) {
    let shape = chance.below(10)
    let direction = chance.below(3)
    let isLong = chance.hits(250)
    let time = isLong ? chance.between(15_000, 30_000) : chance.between(300, 9_000)
    let noticed = chance.hits(600)
    let several = Int(chance.between(2, Int64(max(2, nodes.count - 1))))
    var hit = [i]
    var kind = Injected.cutNode
    if shape == 0 {
      (hit, kind) = (Array(nodes.indices), .cutAll)
    } else if shape <= 2 {
      (hit, kind) = ((0..<several).map { (i + $0) % nodes.count }, .cutSeveral)
    }
    guard inject(kind, "\(hit.map { $0 + 1 }) for \(time) ms", node: hit.count == 1 ? i : nil) else { return }
    if isLong, !inject(.cutLongerThanLease, "\(time) ms") { return }
    if direction == 1, !inject(.cutUp, "what nodes say is lost") { return }
    if direction == 2, !inject(.cutDown, "what nodes are told is lost") { return }
    for n in hit {
      if direction != 2 { nodes[n].upCutUntil = max(nodes[n].upCutUntil, now + time * 1_000_000) }
      if direction != 1 { nodes[n].downCutUntil = max(nodes[n].downCutUntil, now + time * 1_000_000) }
      nodes[n].cutIsNoticed = noticed
    }
  }

  private mutating func slow(_ i: Int, _ chance: inout Chance) {
    nodes[i].slowUntil = now + chance.between(1_000, 10_000) * 1_000_000
  }

  // MARK: Controller and disk

  private mutating func strikeController(_ chance: inout Chance) {
    let isLong = chance.hits(150)
    let downFor = (isLong ? chance.between(8_000, 25_000) : chance.between(50, 3_000)) * 1_000_000
    guard host.isUp else { return }
    // At this very moment it may be in the midst of a commit; often it is made so.
    let atSync = chance.below(3)
    if atSync == 0 || host.isSyncing {
      let kind: Injected =
        host.isSyncing ? (host.isListening ? .crashedBeforeSync : .crashedWhileStarting) : .controllerCrashed
      guard inject(kind, "down for \(downFor / 1_000_000) ms") else { return }
      crashController(downFor: downFor)
      // What fails together: a node that dies while nobody watches.
      if chance.hits(400), let s = pickRunning(&chance) { strikeNode(shims[s].node, &chance) }
      if chance.hits(80), inject(.crashedWhileStarting, "when it comes back") {
        host.crashAtNextCommit = SimHost.Crash(downFor: downFor, isAfterSync: chance.hits(500))
      }
    } else {
      guard inject(atSync == 1 ? .crashedBeforeSync : .crashedBeforeTelling, "at the next commit") else { return }
      host.crashAtNextCommit = SimHost.Crash(downFor: downFor, isAfterSync: atSync == 2)
    }
  }

  private mutating func strikeDisk(_ chance: inout Chance) {
    let time = chance.between(500, 6_000) * 1_000_000
    guard host.isUp else { return }
    if chance.hits(500) {
      guard inject(.syncFailed, "the next sync") else { return }
      host.syncFails = true
    } else {
      disk.isFull = true
      disk.fullUntil = now + time
    }
  }

  private mutating func jumpClock(_ chance: inout Chance) {
    let time = chance.between(1_000, 600_000) * 1_000_000
    let isForward = chance.hits(500)
    guard inject(isForward ? .clockJumpedForward : .clockJumpedBack, "by \(time / 1_000_000) ms") else { return }
    host.wallError += isForward ? time : -time
  }

  // MARK: Orders

  private mutating func orderSomething(_ i: Int, _ chance: inout Chance) {
    let name = nodes[i].name
    if hasAdmissions, chance.hits(250) { return letInOrOut(i, &chance) }
    switch chance.below(10) {
    case 0, 1: if inject(.drained, name, node: i) { order(.drain(node: name, reason: "storm")) }
    case 2, 3, 4, 5: if inject(.resumed, name, node: i) { order(.resume(node: name)) }
    case 6, 7:
      guard !acknowledged.isEmpty else { return }
      let (job, _) = acknowledged[acknowledged.count - 1 - chance.below(min(8, acknowledged.count))]
      if inject(.cancelled, "job \(job)", job: job) { order(.cancel(JobID(job))) }
    default:
      // A person vouches only for what is true: a machine that is off.
      guard let off = nodes.indices.first(where: { !nodes[$0].isOn }) else { return }
      if inject(.fenced, nodes[off].name, node: off) { order(.fence(node: nodes[off].name)) }
    }
  }

  // MARK: The calm after it

  mutating func endStorm() {
    isStorm = false
    calmFrom = now
    history.add(at: now, "the storm is over")
    for i in nodes.indices {
      nodes[i].upCutUntil = 0
      nodes[i].downCutUntil = 0
      nodes[i].slowUntil = 0
      nodes[i].cannotStartUntil = 0
      if !nodes[i].isOn, !nodes[i].isLostForGood { bootNode(i) }
    }
    disk.isFull = false
    host.syncFails = false
    host.crashAtNextCommit = nil
  }
}
