extension Planner {
  /// The gang on one type in the planner's terms, or nil with a reason if it can never run on it.
  mutating func possible(
    _ gang: borrowing PendingGang, _ type: Int32, now: Instant, _ reasons: inout [NeverReason]
  ) -> Ask? {
    precondition(
      gang.nodes > 0 && gang.devicesPerNode > 0 && gang.segment > 0, "a gang has nodes, devices and segments")
    guard gang.nodes % gang.segment == 0 else {
      reasons.append(.segmentDoesNotDivide(nodes: gang.nodes, segment: gang.segment))
      return nil
    }
    guard topology.deviceTypes.indices.contains(Int(type)), capacity.largestLeaf(type) > 0 else {
      reasons.append(.deviceTypeMissing(deviceType: type))
      return nil
    }
    let has = topology.deviceTypes[Int(type)].devicesPerNode
    guard gang.devicesPerNode <= has else {
      reasons.append(.tooFewDevicesPerNode(deviceType: type, needed: gang.devicesPerNode, has: has))
      return nil
    }
    let isPart = gang.nodes == 1 && gang.devicesPerNode < has && !gang.isExclusive
    let charge = charge(gang, type)
    if let small = quotas.rules.tooSmall(gang.project, type, charge) {
      reasons.append(.quotaTooSmall(deviceType: type, needed: charge, limit: small.most, row: small.row))
      return nil
    }
    let leafLevel = topology.levels.count - 1
    let required = gang.within.flatMap { $0.isRequired ? $0.level : nil }
    let level = required.map { $0 == leafLevel ? 0 : $0 + 1 } ?? 0
    if let reason = tooSmall(gang, type, level: level, required: required) {
      reasons.append(reason)
      return nil
    }
    // Within one leaf the whole gang is one segment.
    let size = required == leafLevel ? gang.nodes : gang.segment
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    let test =
      isPart
      ? tables.test(size: Int(gang.devicesPerNode), segments: 1)
      : tables.test(size: Int(size), segments: Int(gang.nodes / size))
    return Ask(
      type: type, nodes: gang.nodes, partDevices: isPart ? gang.devicesPerNode : 0,
      search: WindowSearch(least: isPart ? gang.devicesPerNode : gang.nodes, test: test, units: units),
      begin: gang.begin > now ? grid.firstBucket(notBefore: gang.begin - now) : 0, level: level,
      project: gang.project, charge: charge, owner: gang.owner,
      classes: gangBounds.classes(
        nodes: gang.nodes, segment: size, segments: gang.nodes / size, partDevices: isPart ? gang.devicesPerNode : 0,
        units: units))
  }

  /// Devices that its project is charged on nodes of a type: all of them where it is alone on them, else what it asked for.
  func charge(_ gang: borrowing PendingGang, _ type: Int32) -> Int32 {
    gang.nodes &* (gang.isExclusive ? topology.deviceTypes[Int(type)].devicesPerNode : gang.devicesPerNode)
  }

  private mutating func tooSmall(
    _ gang: borrowing PendingGang, _ type: Int32, level: Int, required: Int?
  ) -> NeverReason? {
    let largest = capacity.largestLeaf(type)
    if gang.segment > largest {
      return .segmentTooLarge(deviceType: type, segment: gang.segment, largestLeaf: largest)
    }
    let test = tables.test(size: Int(gang.segment), segments: Int(gang.nodes / gang.segment))
    let capable = capacity.bestKnown(type: type, level: 0, test) * gang.segment
    if capable < gang.nodes { return .fleetTooSmall(deviceType: type, nodes: gang.nodes, capable: capable) }
    guard let required else { return nil }
    let isLeaf = required == topology.levels.count - 1
    let best =
      isLeaf ? largest / gang.segment * gang.segment : capacity.bestKnown(type: type, level: level, test) * gang.segment
    if best < gang.nodes {
      return .scopeTooSmall(deviceType: type, nodes: gang.nodes, level: required, largest: best)
    }
    return nil
  }

  /// What the gang waits on, from the first bucket as the gangs before it left it.
  mutating func waitNumbers(_ ask: Ask) -> PlanningRound.WaitNumbers {
    var wait = PlanningRound.WaitNumbers()
    let fleet = layout.domains(type: ask.type, level: 0).lowerBound
    let free = nodes.total(fleet)[0]
    if ask.partDevices > 0 {
      wait.free =
        free > 0
        ? topology.deviceTypes[Int(ask.type)].devicesPerNode : capacity.mostFreeDevices(type: ask.type, shared)
    } else {
      wait.free = free
      let test = ask.search.test
      let level = test.segments == 1 ? layout.groupLevel : ask.level
      wait.segments = capacity.bestFree(type: ask.type, level: level, test, nodes)
      (wait.neededSegments, wait.segment) = (Int32(test.segments), Int32(test.size))
    }
    let last = grid.lastBucket(from: ask.begin, units: ask.search.units)
    if let least = quotas.left(ask.project, ask.type, ask.charge) { wait.setQuota(least, quotas.rules) }
    // It has all that it needs now: what keeps it away comes later in its time.
    if ask.begin == 0, ask.partDevices == 0, wait.free >= ask.nodes, wait.segments >= wait.neededSegments,
      wait.quotaLeft >= wait.charge
    {
      let free = nodes.total(fleet)
      wait.isShortLater = (0...last).contains { free[$0] < ask.nodes }
      for bucket in 0...last where wait.quotaRow >= 0 && !wait.isQuotaLater {
        guard let least = quotas.left(ask.project, ask.type, ask.charge, in: bucket), least.left < least.amount else {
          continue
        }
        wait.setQuota(least, quotas.rules)
        wait.isQuotaLater = true
      }
    }
    wait.outOfService = capacity.outOfService[Int(ask.type)]
    wait.maintenance = capacity.window(ask.type, before: last)
    return wait
  }
}
