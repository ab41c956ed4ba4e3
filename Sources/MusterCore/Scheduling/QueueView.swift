/// Which jobs a round looks at, and in what order.
extension Controller {
  /// What a round's list of jobs is made with.
  private struct Listing: ~Copyable {
    var input: PlanningInput
    var filters: NodeFilters
    var book: QuotaBook
    /// By array: tasks that may start beside those that run.
    var arrays: [JobID: Int32] = [:]
    /// Of the list, those that may run one day.
    var looked = 0
    /// What the list was when so many had been looked at as have their place in every round of a queue that is too long.
    var front: (jobs: Int, looked: Int, arrays: [JobID: Int32])?

    init(_ input: PlanningInput, nodes: Int, book: QuotaBook) {
      self.input = input
      filters = NodeFilters(nodes: nodes)
      self.book = book
    }
  }

  /// The jobs that are ready, in the order in which they have their turn. What can never run is looked at beside the
  /// others: a queue of it keeps nobody behind it from being looked at.
  /// - Parameter isNew: something has changed since the last round, and this one does not only go on with those behind.
  mutating func addJobs(
    to input: inout PlanningInput, _ builder: borrowing ViewBuilder, _ book: inout QuotaBook, isNew: Bool
  ) {
    var listing = Listing(input, nodes: cluster.nodes.count, book: book)
    let most = min(cluster.pending.count, limits.planning.depth)
    listing.input.jobs.reserveCapacity(most)
    listing.input.gangs.reserveCapacity(most)
    if !hasProjects {
      for slot in queue() {
        guard hasRoom(&listing) else { break }
        _ = add(slot, to: &listing, builder)
      }
    } else {
      addInTurns(to: &listing, builder)
    }
    if listing.input.isCut { addThoseBehind(&listing, builder, isNew: isNew) } else { rotation.end() }
    (input, book) = (listing.input, listing.book)
    input.view.filters = listing.filters.rows
  }

  /// More wait than a round looks at: the first ones have their place in it, and those behind them their turn.
  private mutating func addThoseBehind(_ listing: inout Listing, _ builder: borrowing ViewBuilder, isNew: Bool) {
    guard let front = listing.front else { return rotation.end() }
    listing.input.jobs.removeSubrange(front.jobs...)
    listing.input.gangs.removeSubrange(front.jobs...)
    (listing.looked, listing.arrays) = (front.looked, front.arrays)
    let isFirst = Set(listing.input.jobs.map(\.id))
    let pending = cluster.pending
    if isNew { rotation.begin(pending.count) }
    var at = pending.firstIndex { !rotation.isPast(cluster.jobs[$0]) } ?? 0
    var steps = 0
    while steps < pending.count, rotation.left > 0, hasRoom(&listing) {
      let slot = pending[at]
      if !isFirst.contains(cluster.jobs[slot].id) { _ = add(slot, to: &listing, builder) }
      rotation.step(cluster.jobs[slot])
      steps += 1
      at = at + 1 < pending.count ? at + 1 : 0
    }
    // There was no room for anybody: the next round would be the same.
    if steps == 0 { rotation.end() }
  }

  private func hasRoom(_ listing: inout Listing) -> Bool {
    let depth = limits.planning.depth
    if listing.looked < depth, listing.input.jobs.count < depth &* 10 { return true }
    listing.input.isCut = true
    return false
  }

  /// Priority by priority; in each the projects have their turns.
  private mutating func addInTurns(to listing: inout Listing, _ builder: borrowing ViewBuilder) {
    var use = projectUse(listing.book.tree)
    var i = 0
    while i < cluster.pending.count {
      let priority = cluster.jobs[cluster.pending[i]].priority
      var order = ProjectTurns(listing.book.tree, used: use.devices, seconds: use.seconds)
      while i < cluster.pending.count, cluster.jobs[cluster.pending[i]].priority == priority {
        let slot = cluster.pending[i]
        i += 1
        guard cluster.jobs[slot].devicesPerNode > 0 else { continue }
        let project = cluster.specs[Int(slot)].project
        order.add(entry(slot), project: project, seconds: use.strangers[project] ?? 0)
      }
      order.begin()
      while let entry = order.first {
        guard hasRoom(&listing) else { return }
        let isAdded = add(entry.slot, to: &listing, builder)
        // One that finds no place takes nobody's turn.
        let isCounted = isAdded && !hadNoPlace(cluster.jobs[entry.slot].id)
        if isCounted { use.add(entry, project: cluster.specs[Int(entry.slot)].project, listing.book.tree) }
        order.removeFirst(isCounted: isCounted)
      }
    }
  }

  private func entry(_ slot: Int32) -> ProjectTurns.Entry {
    let (job, spec) = (cluster.jobs[slot], cluster.specs[Int(slot)])
    let types = fleetMap.topology?.deviceTypes ?? []
    var type: Int32 = types.count == 1 ? 0 : -1
    if let wish = spec.wishes.deviceTypes.first {
      type = types.firstIndex { FleetMap.isNamed($0.name, wish) }.map { Int32($0) } ?? -1
    }
    let devices = spec.hasRoles ? spec.devices : job.nodes &* job.devicesPerNode
    // A day of an unlimited one is enough for the others to have their turn.
    let seconds = min(spec.walltime?.seconds ?? 86_400, 86_400)
    return ProjectTurns.Entry(slot: slot, devices: devices, type: type, charge: Double(devices) * Double(seconds))
  }

  /// False if it is not ready, or not to be looked at in this round.
  private mutating func add(
    _ slot: Int32, to listing: inout Listing, _ builder: borrowing ViewBuilder
  ) -> Bool {
    guard cluster.jobs[slot].devicesPerNode > 0, !isClaiming(cluster.jobs[slot].id) else { return false }
    if isLeftOut(cluster.jobs[slot].id) || neverAlone(slot, &listing.book) != nil { return false }
    if let why = unready(slot) {
      nextLook = min(nextLook, why.until)
      since.leftOut(why)
      // It has its place in the calendar before.
      guard why.isBeginAlone else { return false }
    }
    if let (array, room) = arrayRoom(slot) {
      guard listing.arrays[array] ?? room > 0 else {
        since.awaited.insert(array)
        return false
      }
      listing.arrays[array] = (listing.arrays[array] ?? room) - 1
    }
    let job = Plan.Job(id: cluster.jobs[slot].id, attempt: cluster.jobs[slot].attempt)
    if cluster.specs[Int(slot)].hasRoles {
      guard addRoles(slot, job, &listing, builder) else { return false }
    } else {
      guard let gang = gang(slot, &listing, builder) else { return false }
      listing.input.jobs.append(job)
      listing.input.gangs.append(gang)
    }
    if !wasNever(job.id) { listing.looked += 1 }
    let (depth, behind) = (limits.planning.depth, limits.planning.depthBehind)
    if behind > 0, listing.looked == depth - behind, listing.front == nil {
      listing.front = (listing.input.jobs.count, listing.looked, listing.arrays)
    }
    return true
  }

  /// A gang for each role that has devices; the others are placed beside them when they start.
  private func addRoles(
    _ slot: Int32, _ job: Plan.Job, _ listing: inout Listing, _ builder: borrowing ViewBuilder
  ) -> Bool {
    let (spec, before) = (cluster.specs[Int(slot)], listing.input.gangs.count)
    for (number, role) in spec.roles.enumerated() where role.devicesPerNode > 0 {
      let alone = spec.alone(number)
      var gang = shape(alone)
      gang.mayPreempt = mayPreempt(alone)
      setTerms(of: slot, &gang, &listing)
      guard let row = filter(alone.wishes, until: useUntil(slot), &listing.filters, builder) else {
        listing.input.jobs.removeSubrange(before...)
        listing.input.gangs.removeSubrange(before...)
        return false
      }
      gang.filter = row
      gang.joins = listing.input.gangs.count > before
      listing.input.gangs.append(gang)
      listing.input.jobs.append(Plan.Job(id: job.id, attempt: job.attempt, role: Int32(number)))
    }
    return true
  }

  /// What does not depend on the gang's shape: its times, its rank in the queue, who pays.
  private func setTerms(of slot: Int32, _ gang: inout PendingGang, _ listing: inout Listing) {
    if let walltime = cluster.specs[Int(slot)].walltime {
      gang.walltime = cluster.jobs[slot].startedAt == .zero ? walltime : max(.seconds(1), walltimeEnd(slot) - now)
      if planted == .backfillTooLong { gang.walltime = Span(nanoseconds: walltime.nanoseconds / 2) }
    }
    gang.priority = cluster.jobs[slot].priority
    if let rule = limits.planning.turns {
      // The whole of its walltime, whatever is left of it.
      gang.turns = rule.rights(
        devices: gang.nodes &* gang.devicesPerNode, walltime: cluster.specs[Int(slot)].walltime)
    }
    gang.isOverdue = now - cluster.jobs[slot].submittedAt >= limits.patience
    if cluster.jobs[slot].attempt == 0 { gang.begin = cluster.specs[Int(slot)].wishes.begin }
    gang.project = account(slot, &listing.book)
    if hasProjects { gang.owner = owner(slot, listing.book.tree) }
  }

  /// What had a place and did not get it because of maintenance is placed by names, not by numbers.
  private func useUntil(_ slot: Int32) -> Instant {
    fleetMap.windows.isEmpty || !dropped.contains(cluster.jobs[slot].id) ? .zero : endOfUse(ofJob: slot)
  }

  /// nil: too many jobs before it ask for nodes of their own choice.
  private func gang(_ slot: Int32, _ listing: inout Listing, _ builder: borrowing ViewBuilder) -> PendingGang? {
    // Of most jobs a few numbers say all: copying what it asks for would be most of a round's time for the writer.
    var gang: PendingGang
    if cluster.specs[Int(slot)].wishes.isEmpty {
      gang = PendingGang(
        nodes: cluster.jobs[slot].nodes, devicesPerNode: cluster.jobs[slot].devicesPerNode, walltime: nil)
      (gang.mayMix, gang.mayPreempt) = (true, true)
    } else {
      gang = shape(cluster.specs[Int(slot)])
      gang.mayPreempt = mayPreempt(cluster.specs[Int(slot)])
    }
    setTerms(of: slot, &gang, &listing)
    guard let row = filter(cluster.specs[Int(slot)].wishes, until: useUntil(slot), &listing.filters, builder) else {
      return nil
    }
    gang.filter = row
    return gang
  }

  /// Of a job, by its slot; what it asks for is not copied for it.
  func account(_ slot: Int32, _ book: inout QuotaBook) -> Int32 {
    hasProjects
      ? book.account(project: cluster.specs[Int(slot)].project, user: cluster.specs[Int(slot)].user) : -1
  }

  private var hasProjects: Bool { !cluster.policy.projects.isEmpty }

  private func mayPreempt(_ spec: JobSpec) -> Bool {
    guard !spec.wishes.priorityClass.isEmpty else { return true }
    return cluster.policy.priorities.first { $0.name == spec.wishes.priorityClass }?.preempts ?? true
  }

  /// What projects use: devices now, and device time of late.
  struct ProjectUse: Sendable {
    /// By project and kind, children's counted.
    var devices: [[Int32]]
    /// By project, children's counted.
    var seconds: [Double]
    /// Of projects that nobody declared.
    var strangers: [String: Double] = [:]

    /// Devices of a gang of the project at the end of `path`; how many.
    mutating func add(_ places: [Place], _ path: [Int32], _ tree: ProjectTree, _ map: FleetMap) -> Int {
      var devices = 0
      for place in places where place.devices != 0 {
        let count = place.devices.nonzeroBitCount
        devices += count
        guard !path.isEmpty else { continue }
        let type = map.type(of: place.node)
        for at in path {
          for kind in tree.kinds.indices where tree.counts(kind, type) { self.devices[Int(at)][kind] &+= Int32(count) }
        }
      }
      return devices
    }

    mutating func add(_ entry: ProjectTurns.Entry, project: String, _ tree: ProjectTree) {
      let number = tree.number(project)
      guard number >= 0 else {
        strangers[project, default: 0] += entry.charge
        return
      }
      for at in tree.path(number) {
        seconds[Int(at)] += entry.charge
        for kind in tree.kinds.indices where tree.counts(kind, entry.type) { devices[Int(at)][kind] &+= entry.devices }
      }
    }
  }

  func projectUse(_ tree: ProjectTree) -> ProjectUse {
    var use = ProjectUse(
      devices: Array(repeating: tree.kinds.map { _ in 0 }, count: tree.count),
      seconds: Array(repeating: 0, count: tree.count))
    func add(_ project: String, _ seconds: Double) {
      let number = tree.number(project)
      if number < 0 { use.strangers[project, default: 0] += seconds }
      for at in tree.path(number) { use.seconds[Int(at)] += seconds }
    }
    // Sorted: sums of fractions depend on their order.
    for (project, past) in cluster.usage.sorted(by: { $0.key < $1.key }) { add(project, past.seconds(at: now)) }
    for claim in claims {
      guard let slot = cluster.slot(of: claim.job) else { continue }
      _ = use.add(claim.places, tree.path(tree.number(cluster.specs[Int(slot)].project)), tree, fleetMap)
    }
    for slot in cluster.active {
      let attempt = cluster.attempts[slot]
      // Its place is another's already.
      if attempt.phase == .stopping, attempt.outcome == .preempted { continue }
      let project = cluster.specs[Int(attempt.jobSlot)].project
      let devices = use.add(cluster.attemptPlaces[Int(slot)], tree.path(tree.number(project)), tree, fleetMap)
      if devices > 0 { add(project, DecayedUse.use(devices: devices, for: now - attempt.startedAt)) }
    }
    return use
  }
}
