import MusterCore

/// A submission as its client sees it.
struct Request: Sendable {
  var specs: [JobSpec]
  var key: String
  var hash: UInt64
  var tries = 1
  /// What it was answered first, as the client knows.
  var jobs: [JobID]?
  /// What the server answered first, and the time of its clock then.
  var told: (jobs: [JobID], at: Instant)?
  var mustBeRefused = false
  /// The client was told, or believes, that nobody knows whether it happened.
  var isUnknown = false
}

/// People: they submit, try again when an answer is lost, and give orders at bad moments.
extension World {
  mutating func submit() {
    guard isStorm else { return }
    timeline.put(.submit, at: now + people.between(1, 2 * shape.meanBetweenSubmissions))
    guard controller.cluster.pending.count < 30 else { return }
    let count = people.hits(100) ? 2 + people.below(3) : 1
    let specs = (0..<count).map { _ in drawSpec() }
    let hash = UInt64(requests.count + 1)
    var request = Request(specs: specs, key: "", hash: hash)
    coverage.did(.submitted)
    if people.hits(400) {
      coverage.did(.submittedWithKey)
      nextKey += 1
      request.key = "key-\(nextKey)"
    }
    requests.append(request)
    send(requests.count - 1)
    // The same key for another request, some time later: it must be refused if the first was done.
    if !request.key.isEmpty, people.hits(100) {
      coverage.did(.keyReused)
      var other = Request(specs: [drawSpec()], key: request.key, hash: hash | 1 << 40)
      other.mustBeRefused = true
      requests.append(other)
      timeline.put(.request(requests.count - 1), at: now + people.between(8, 20) * 1_000_000_000)
    }
  }

  private mutating func drawSpec() -> JobSpec {
    nextJobName += 1
    let fence = FencePolicy.allCases[people.below(FencePolicy.allCases.count)]
    let restart = RestartPolicy(
      limit: Int32(people.below(4)), hangAfter: people.hits(850) ? .milliseconds(people.between(2_000, 6_000)) : nil,
      grace: .milliseconds(people.between(100, 1_500)), fence: fence)
    let role = RoleSpec(
      nodes: Int32(1 + people.below(4)), devicesPerNode: Int32(people.below(5)),
      ranksPerNode: Int32(1 + people.below(2)),
      command: ["train"], workingDirectory: "/")
    var spec = JobSpec(
      name: "job-\(nextJobName)", user: "u", priority: Int32(people.below(3)), role: role,
      walltime: people.hits(80) ? .seconds(people.between(3, 40)) : nil, restart: restart,
      stop: StopPolicy(grace: .milliseconds(people.between(0, 3_000))))
    if wishing.hits(300) { spec.wishes = drawWishes(nodes: role.nodes) }
    plan(&spec)
    if let walltime = spec.walltime, wishing.hits(700) {
      spec.wishes.warning = Warning(
        signal: World.warning, before: .milliseconds(wishing.between(100, walltime.milliseconds - 1)))
    }
    share(&spec)
    // No chance of its own: seeds tell the stories that they told before there were roles.
    if nextJobName % 9 == 0 {
      let more = RoleSpec(
        name: "more", nodes: Int32(1 + nextJobName / 9 % 2), devicesPerNode: Int32(nextJobName / 18 % 2),
        ranksPerNode: 1,
        command: ["train"], workingDirectory: "/")
      spec.further = [FurtherRole(role: more, wishes: Wishes())]
      coverage.did(.rolesSubmitted)
    }
    return spec
  }

  private mutating func send(_ r: Int) {
    timeline.put(.request(r), at: now + people.between(1, 30) * 1_000_000)
    if !requests[r].key.isEmpty { timeline.put(.retry(r), at: now + 5_000_000_000) }
  }

  /// No answer came: the client says the same again with the same key. Some do so after an answer, too.
  mutating func retry(_ r: Int) {
    guard requests[r].tries < 6, !requests[r].mustBeRefused else { return }
    guard requests[r].jobs == nil || people.hits(250) else { return }
    requests[r].tries += 1
    coverage.did(.submittedAgain)
    send(r)
  }

  /// The server answers; the answer may be lost.
  mutating func answer(_ r: Int, _ reply: Controller.Reply) {
    if case .jobs(let jobs) = reply { holdToItsWord(r, jobs) }
    if people.hits(120), isStorm, inject(.answerLost, "of request \(r)") { return }
    timeline.put(.answer(r, reply), at: now + people.between(1, 30) * 1_000_000)
  }

  /// A key is remembered for its lifetime, by the controller's clock.
  private mutating func holdToItsWord(_ r: Int, _ jobs: [JobID]) {
    guard let told = requests[r].told else {
      let at = jobs.first.flatMap { controller.cluster.slot(of: $0) }.map { controller.cluster.job($0).submittedAt }
      requests[r].told = (jobs, at ?? host.time)
      return
    }
    guard told.jobs != jobs, host.time - told.at < shape.limits.keyLifetime else { return }
    violated(
      Failure(
        invariant: .sameKeySameJobs, detail: "key \(requests[r].key) was answered \(told.jobs), then \(jobs)",
        job: jobs.first?.number))
  }

  mutating func answered(_ r: Int, _ reply: Controller.Reply) {
    let request = requests[r]
    switch reply {
    case .refused(.keyReused) where request.mustBeRefused: break
    case .jobs(let jobs):
      guard request.jobs == nil else { return }
      requests[r].jobs = jobs
      for (job, spec) in zip(jobs, request.specs) { acknowledged.append((job.number, spec.name)) }
    case .done, .refused, .token: break
    }
  }

  /// An order, from a person who sees nothing but the fleet.
  mutating func order(_ command: Command) {
    timeline.put(.order(command), at: now + people.between(1, 30) * 1_000_000)
  }

  /// Operators put back what waits for a person: now and then in the storm, all of it when it is over.
  mutating func care() {
    timeline.put(.care, at: now + 5_000_000_000)
    meddle()
    declare()
    if !isStorm { releaseAll() }
    guard host.isUp, !isStorm || people.hits(400) else { return }
    if hasAdmissions { setUpRevoked() }
    for i in nodes.indices where nodes[i].isOn && !nodes[i].isLostForGood {
      guard let node = controller.cluster.node(named: nodes[i].name) else { continue }
      switch controller.cluster.nodes[Int(node.index)].state {
      case .isolated, .draining, .drained: order(.resume(node: nodes[i].name))
      case .ready, .suspect, .joining, .verifying: break
      }
    }
  }

  // MARK: The end

  var isAtRest: Bool {
    guard now > calmFrom, host.isUp, !host.isSyncing, host.isListening else { return false }
    if now > calmFrom + World.longestCalm { return true }
    return controller.cluster.active.isEmpty
      && controller.cluster.pending.allSatisfy { isTooLarge($0) || isWaitingForever($0) }
      && now > calmFrom + 10_000_000_000
  }

  private func isTooLarge(_ slot: Int32) -> Bool {
    let waiting = controller.waiting(for: slot)
    return waiting.isNever || waiting.causes.contains { $0.kind == "dependencyNever" }
  }

  private func isWaitingForever(_ slot: Int32) -> Bool {
    // A node that never came back counts as part of the fleet: a gang that needs it waits for it, and says so.
    let job = controller.cluster.job(slot)
    let able = controller.cluster.nodes.filter { $0.state == .ready && $0.devices >= job.devicesPerNode }
    let spec = controller.cluster.spec(slot)
    guard spec.further.isEmpty else { return !fitsAnywhere(spec) }
    if able.count < Int(job.nodes) { return true }
    // Nor can it be said which of the nodes that are left would do for one that asks for certain ones.
    let hasLost = controller.cluster.nodes.contains { $0.state != .ready }
    if hasLost, !spec.wishes.isEmpty { return true }
    return isBehindSuch(slot)
  }

  /// Its roles find room one after the other on the nodes that are left, emptiest first. One that asks for certain nodes is
  /// not judged.
  private func fitsAnywhere(_ spec: JobSpec) -> Bool {
    guard spec.wishes.isEmpty else { return false }
    var free = controller.cluster.nodes.filter { $0.state == .ready }.map(\.devices)
    for role in [spec.role] + spec.further.map(\.role) {
      free.sort(by: >)
      guard free.count >= Int(role.nodes), free[Int(role.nodes) - 1] >= role.devicesPerNode else { return false }
      for i in 0..<Int(role.nodes) { free[i] -= role.devicesPerNode }
    }
    return true
  }

  /// It waits for a job that waits for ever.
  private func isBehindSuch(_ slot: Int32) -> Bool {
    controller.cluster.spec(slot).wishes.dependsOn.contains { dependency in
      guard let other = controller.cluster.slot(of: dependency.job),
        controller.cluster.job(other).state == .pending
      else { return false }
      return isTooLarge(other) || isWaitingForever(other)
    }
  }

  /// Who is told that quotas never let it run is told the truth: nothing runs any more, and they do not let it start.
  private mutating func checkNever() {
    guard controller.cluster.active.isEmpty else { return }
    for slot in controller.cluster.pending {
      let (id, waiting) = (controller.cluster.job(slot).id, controller.waiting(for: slot))
      guard waiting.isNever, waiting.causes.allSatisfy({ $0.kind == "quota" }), auditor.neverAllowed(id.number) == nil
      else { continue }
      violated(
        Failure(
          invariant: .comesToRest, detail: "job \(id) is told that it can never run, and may: \(waiting)",
          job: id.number))
    }
  }

  /// Liveness, and that nothing that was promised is gone.
  mutating func checkEnd() {
    compareWithFollower()
    for slot in controller.cluster.active {
      let id = controller.cluster.attemptID(slot)
      let phase = controller.cluster.attempt(slot).phase
      violated(
        Failure(invariant: .comesToRest, detail: "attempt \(id) never ended: it is \(phase)", job: id.job.number))
    }
    for slot in controller.cluster.pending where !isTooLarge(slot) && !isWaitingForever(slot) {
      let id = controller.cluster.job(slot).id
      violated(
        Failure(
          invariant: .comesToRest, detail: "job \(id) waits without a reason: \(controller.waiting(for: slot))",
          job: id.number))
    }
    checkNever()
    for (job, name) in acknowledged {
      if let slot = controller.cluster.slot(of: JobID(job)), controller.cluster.spec(slot).name == name { continue }
      violated(Failure(invariant: .acknowledgedStays, detail: "job \(job), submitted as \(name)", job: job))
    }
    if failure == nil, facts.count < options.leastFacts, options.without.isEmpty {
      violated(Failure(invariant: .enoughHappens, detail: "\(facts.count) facts in \(Int(virtualSeconds)) s"))
    }
  }
}
