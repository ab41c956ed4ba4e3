/// What is left of each row of `QuotaRules` over time.
struct QuotaProfile: ~Copyable {
  /// A chain of an account, flat: every gang of a round asks for its chains several times.
  private struct Way {
    /// Range in `wayRows`.
    var first: Int
    var end: Int
    var countsJobs: Bool
    /// Some row of it keeps a part for itself.
    var keeps: Bool
  }

  var grid: TimeGrid
  private let shortcuts: PlannerShortcuts
  private var capacity = 0
  /// `[row][bucket]`: left of `Row.most`.
  private var memory: UnsafeMutablePointer<Int32>
  private(set) var rules = QuotaRules()
  /// By account the first of its `ways`, and behind the last account their number.
  private var firstWay: [Int] = [0]
  private var ways: [Way] = []
  private var wayRows: [Int32] = []
  /// `[way][type]`: devices of the type are counted.
  private var isCounted: [Bool] = []
  private var typeCount = 0

  init(grid: TimeGrid, shortcuts: PlannerShortcuts) {
    self.grid = grid
    self.shortcuts = shortcuts
    memory = .allocate(capacity: 1)
  }

  deinit { memory.deallocate() }

  func copy() -> QuotaProfile {
    var copy = QuotaProfile(grid: grid, shortcuts: shortcuts)
    copy.rules = rules
    (copy.firstWay, copy.ways, copy.wayRows) = (firstWay, ways, wayRows)
    (copy.isCounted, copy.typeCount) = (isCounted, typeCount)
    copy.memory.deallocate()
    copy.memory = .allocate(capacity: max(1, capacity))
    copy.memory.update(from: memory, count: capacity)
    copy.capacity = capacity
    return copy
  }

  var bytes: Int { capacity * 4 }

  /// `ends` says the last bucket of a running gang.
  mutating func build(_ view: borrowing PlanningView, _ topology: borrowing Topology, ends: (Int) -> Int) {
    flatten(view.quotas, typeCount: topology.deviceTypes.count)
    let needed = rules.rows.count * grid.bucketCount
    if needed > capacity {
      memory.deallocate()
      memory = .allocate(capacity: needed)
      capacity = needed
    }
    guard !rules.accounts.isEmpty else { return }
    // Rows that pass all on are sums: what ends with a bucket is noted there, then added up from the last bucket on.
    memory.initialize(repeating: 0, count: needed)
    for (i, gang) in view.running.enumerated() where gang.project >= 0 {
      count(gang, view, topology, through: ends(i), sign: 1, .ends)
    }
    for (i, row) in rules.rows.enumerated() {
      let left = self.row(Int32(i))
      var most = row.most
      for bucket in stride(from: grid.bucketCount - 1, through: 0, by: -1) {
        most &+= left[bucket]
        left[bucket] = most
      }
    }
    guard ways.contains(where: \.keeps) else { return }
    for (i, gang) in view.running.enumerated() where gang.project >= 0 {
      count(gang, view, topology, through: ends(i), sign: 1, .keeping)
    }
  }

  private mutating func flatten(_ quotas: QuotaRules, typeCount: Int) {
    rules = quotas
    self.typeCount = typeCount
    (firstWay, ways, wayRows, isCounted) = ([0], [], [], [])
    for account in rules.accounts {
      for chain in account {
        let first = wayRows.count
        wayRows += chain.rows
        ways.append(
          Way(
            first: first, end: wayRows.count, countsJobs: chain.counts == .jobs,
            keeps: chain.rows.contains { rules.rows[Int($0)].kept > 0 }))
        for type in 0..<typeCount { isCounted.append(chain.amount(Int32(type), 1) > 0) }
      }
      firstWay.append(ways.count)
    }
  }

  private func ways(of account: Int32) -> Range<Int> {
    guard account >= 0, Int(account) &+ 1 < firstWay.count else { return 0..<0 }
    return firstWay[Int(account)]..<firstWay[Int(account) &+ 1]
  }

  /// What a hold of so many devices of a type counts for.
  private func amount(_ way: Int, _ type: Int32, _ devices: Int32, jobs: Int32) -> Int32 {
    if ways[way].countsJobs { return jobs }
    return type >= 0 && isCounted[way &* typeCount &+ Int(type)] ? devices : 0
  }

  /// Takes what a running gang holds, or gives it back.
  func count(
    _ gang: borrowing RunningGang, _ view: borrowing PlanningView, _ topology: borrowing Topology, through: Int,
    sign: Int32
  ) {
    count(gang, view, topology, through: through, sign: sign, .all)
  }

  private func count(
    _ gang: borrowing RunningGang, _ view: borrowing PlanningView, _ topology: borrowing Topology, through: Int,
    sign: Int32, _ which: Change
  ) {
    switch gang.place {
    case .whole(let places):
      // Mostly all are of one type.
      var (type, devices): (Int32, Int32) = (-1, 0)
      for place in places {
        let own = topology.leaves[Int(place.leaf)].deviceType
        if own != type, devices > 0 {
          change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through, which)
          devices = 0
        }
        type = own
        devices += place.nodes * topology.deviceTypes[Int(type)].devicesPerNode
      }
      if devices > 0 { change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through, which) }
    case .away(let type, let devices):
      change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through, which)
    case .part(let node, let devices):
      let type = topology.leaves[Int(view.sharedNodes[Int(node)].leaf)].deviceType
      change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through, which)
    }
    if gang.isCounted { change(gang.project, -1, 0, jobs: sign, from: 0, through: through, which) }
  }

  private func row(_ row: Int32) -> UnsafeMutablePointer<Int32> { memory + Int(row) &* grid.bucketCount }

  // MARK: What is left

  /// The first bucket from `from` on in which `devices` more are within all rows for the whole time; any bucket from
  /// `before` on if there is none before it.
  func firstStart(_ account: Int32, _ type: Int32, _ devices: Int32, units: Int32, from: Int, before: Int) -> Int {
    let ways = ways(of: account)
    guard !ways.isEmpty else { return from }
    var bucket = from
    while bucket < before {
      let last = grid.lastBucket(from: bucket, units: units)
      let low = lastFailing(ways, type, devices, from: bucket, through: last)
      if low < 0 { return bucket }
      bucket = shortcuts.contains(.jumps) ? low &+ 1 : bucket &+ 1
    }
    return bucket
  }

  /// -1: none fails.
  private func lastFailing(_ ways: Range<Int>, _ type: Int32, _ devices: Int32, from: Int, through: Int) -> Int {
    var last = -1
    for way in ways {
      let amount = amount(way, type, devices, jobs: 1)
      guard amount > 0 else { continue }
      if self.ways[way].keeps {
        var bucket = through
        while bucket > last, bucket >= from, isWithin(way, amount, bucket) { bucket &-= 1 }
        if bucket >= from { last = max(last, bucket) }
      } else {
        for i in self.ways[way].first..<self.ways[way].end {
          last = max(last, WindowSearch.lastBelow(row(wayRows[i]), amount, from: max(from, last), through: through))
        }
      }
    }
    return last
  }

  private func isWithin(_ way: Int, _ amount: Int32, _ bucket: Int) -> Bool {
    var (amount, i) = (amount, ways[way].first)
    while i < ways[way].end, amount > 0 {
      let left = row(wayRows[i])[bucket]
      if amount > left { return false }
      amount = passedOn(wayRows[i], left: left, amount)
      i &+= 1
    }
    return true
  }

  /// Of `amount` more in a row, what the next row counts.
  private func passedOn(_ row: Int32, left: Int32, _ amount: Int32) -> Int32 {
    let rule = rules.rows[Int(row)]
    guard rule.kept > 0 else { return amount }
    let used = rule.most &- left
    return max(0, used &+ amount &- rule.kept) &- max(0, used &- rule.kept)
  }

  /// The row that allows least in a bucket to a gang of so many devices, and how many: of what the row counts.
  func left(
    _ account: Int32, _ type: Int32, _ devices: Int32, in bucket: Int = 0
  ) -> (row: Int32, left: Int32, amount: Int32)? {
    var least: (row: Int32, left: Int32, amount: Int32)?
    for way in ways(of: account) {
      var amount = amount(way, type, devices, jobs: 1)
      for i in ways[way].first..<ways[way].end where amount > 0 {
        let row = wayRows[i]
        let left = self.row(row)[bucket]
        let isShort = left < amount
        let wasShort = least.map { $0.left < $0.amount } ?? false
        if least == nil || (isShort && !wasShort) || (isShort == wasShort && left < least?.left ?? 0) {
          least = (row, left, amount)
        }
        amount = passedOn(row, left: left, amount)
      }
    }
    return least
  }

  // MARK: Taking

  /// One more gang.
  func take(_ account: Int32, _ type: Int32, _ devices: Int32, from: Int, through: Int) {
    change(account, type, devices, jobs: 1, from: from, through: through, .all)
  }

  /// What `take` took comes back.
  func giveBack(_ account: Int32, _ type: Int32, _ devices: Int32, from: Int, through: Int) {
    change(account, type, -devices, jobs: -1, from: from, through: through, .all)
  }

  /// The next gang is of the same job: it is counted once.
  func uncountJob(_ account: Int32, from: Int, through: Int) {
    change(account, -1, 0, jobs: -1, from: from, through: through, .all)
  }

  /// A gang that starts now on several types, by type, if all of them together are allowed; else nothing is taken. A row
  /// may count more than one of them, and counts the gang once.
  func takeNow(_ account: Int32, _ devices: [Int32], units: Int32, through: Int) -> Bool {
    for (type, count) in devices.enumerated() where count > 0 {
      guard firstStart(account, Int32(type), count, units: units, from: 0, before: 1) == 0 else {
        for earlier in (0..<type).reversed() where devices[earlier] > 0 {
          change(account, Int32(earlier), -devices[earlier], jobs: 0, from: 0, through: through, .all)
        }
        return false
      }
      change(account, Int32(type), count, jobs: 0, from: 0, through: through, .all)
    }
    change(account, -1, 0, jobs: 1, from: 0, through: through, .all)
    return true
  }

  /// What a change is for: a profile that is there, or one of the two steps of making it.
  private enum Change {
    case all
    /// Ways that pass all on, at the last bucket alone.
    case ends
    /// The other ways.
    case keeping
  }

  private func change(
    _ account: Int32, _ type: Int32, _ devices: Int32, jobs: Int32, from: Int, through: Int, _ which: Change
  ) {
    for way in ways(of: account) {
      let amount = amount(way, type, devices, jobs: jobs)
      let keeps = ways[way].keeps
      guard amount != 0, which == .all || keeps == (which == .keeping) else { continue }
      if keeps {
        for bucket in from...through { takeKeeping(way, amount, bucket) }
        continue
      }
      for i in ways[way].first..<ways[way].end {
        let row = row(wayRows[i])
        if which == .ends {
          row[through] &-= amount
        } else {
          for bucket in from...through { row[bucket] &-= amount }
        }
      }
    }
  }

  private func takeKeeping(_ way: Int, _ amount: Int32, _ bucket: Int) {
    var (amount, i) = (amount, ways[way].first)
    while i < ways[way].end, amount != 0 {
      let left = row(wayRows[i])[bucket]
      row(wayRows[i])[bucket] = left &- amount
      amount = passedOn(wayRows[i], left: left, amount)
      i &+= 1
    }
  }
}
