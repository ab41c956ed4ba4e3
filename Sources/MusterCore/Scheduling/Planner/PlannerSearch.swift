extension Planner {
  /// The earliest start before bucket `before`, and the tightest level at which a domain holds the gang then.
  mutating func earliest(_ ask: Ask, before: Int) -> (bucket: Int, level: Int)? {
    let from = quotas.firstStart(
      ask.project, ask.type, ask.charge, units: ask.search.units, from: ask.begin, before: before)
    if from >= before { return nil }
    var (best, level) = (before, -1)
    for at in stride(from: layout.groupLevel, through: ask.level, by: -1) {
      let isGroup = at == layout.groupLevel
      // What lies in one leaf lies in one group; no larger domain can start it earlier.
      if !isGroup && ask.search.test.segments == 1 { break }
      let domains = layout.domains(type: ask.type, level: at)
      // The domain that may start it first goes first, so that the others have less to search.
      var (firstDomain, firstBound) = (-1, Int.max)
      for domain in domains {
        let isSearched =
          (isGroup || layout.domains[domain].groups.count > 1) && (freedDomains.isEmpty || freedDomains[domain])
        notBefore[domain] = isSearched ? bound(ask, domain: domain, isGroup: isGroup) : Int.max
        if notBefore[domain] < firstBound { (firstDomain, firstBound) = (domain, notBefore[domain]) }
      }
      guard firstDomain >= 0 else { continue }
      for i in domains.lowerBound - 1..<domains.upperBound where i != firstDomain {
        let domain = i < domains.lowerBound ? firstDomain : i
        if notBefore[domain] >= best { continue }
        let start = start(ask, domain: domain, from: from, before: best)
        if start < best { (best, level) = (start, at) }
        if best == from { return (best, level) }
      }
    }
    return level < 0 ? nil : (best, level)
  }

  private var usesBounds: Bool { shortcuts.contains(.bounds) && !ignoresBounds }
  private var usesRows: Bool { shortcuts.contains(.rows) && !ignoresBounds }

  private func bound(_ ask: Ask, domain: Int, isGroup: Bool) -> Int {
    guard usesBounds else { return 0 }
    if ask.partDevices > 0 {
      return gangBounds.partBound(group: layout.domains[domain].groups.lowerBound, ask.classes)
    }
    return gangBounds.bound(domain: domain, isGroup: isGroup, ask.classes)
  }

  /// The first start in a domain that topology and quota allow; any bucket from `before` on if there is none before it.
  private mutating func start(_ ask: Ask, domain: Int, from: Int, before: Int) -> Int {
    let bound = notBefore[domain]
    var bucket = max(bound, from)
    // What is found is a bound for others only if everything before it is known to fail, whatever the quota says.
    var isBound = bound >= from
    while bucket < before {
      let fits = topologyStart(ask, domain: domain, from: bucket, before: before)
      notBefore[domain] = fits
      // What is found where the search began says nothing new.
      if isBound, fits > bound { record(ask, domain: domain, start: fits) }
      if fits >= before { return before }
      bucket = quotas.firstStart(
        ask.project, ask.type, ask.charge, units: ask.search.units, from: fits, before: before)
      if bucket == fits { return fits }
      isBound = false
    }
    return before
  }

  private func record(_ ask: Ask, domain: Int, start: Int) {
    guard usesBounds else { return }
    let start = min(start, grid.bucketCount)
    if ask.partDevices > 0 {
      gangBounds.recordPart(group: layout.domains[domain].groups.lowerBound, ask.classes, start: start)
    } else {
      gangBounds.record(domain: domain, ask.classes, start: start)
    }
  }

  private func topologyStart(_ ask: Ask, domain: Int, from: Int, before: Int) -> Int {
    guard ask.partDevices > 0 else {
      let known = usesRows ? gangBounds.known(domain: domain, ask.classes) : nil
      return nodes.firstStart(ask.search, domain: domain, known: known, from: from, before: before)
    }
    let group = layout.domains[domain].groups.lowerBound
    let lanes = shared.firstStart(ask.search, group: group, from: from, before: before)
    let bound = usesBounds ? gangBounds.openBound(domain: domain, ask.classes) : 0
    let open = WindowSearch(least: 1, test: tables.test(size: 1, segments: 1), units: ask.search.units)
    let limit = min(lanes, before)
    let known = usesRows ? gangBounds.knownOpen(domain: domain) : nil
    let opened = nodes.firstStart(open, domain: domain, known: known, from: max(from, bound), before: limit)
    if bound >= from, usesBounds {
      gangBounds.recordOpen(domain: domain, ask.classes, start: min(opened, grid.bucketCount))
    }
    return min(lanes, opened)
  }
}
