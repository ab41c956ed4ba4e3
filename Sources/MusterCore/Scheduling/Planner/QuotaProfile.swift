/// What is left of each row of `QuotaRules` over time.
struct QuotaProfile: ~Copyable {
  private let grid: TimeGrid
  private let shortcuts: PlannerShortcuts
  private var capacity = 0
  /// `[row][bucket]`: left of `Row.most`.
  private var memory: UnsafeMutablePointer<Int32>
  private(set) var rules = QuotaRules()
  /// By account and chain: some row of it keeps a part for itself.
  private var keeps: [[Bool]] = []

  init(grid: TimeGrid, shortcuts: PlannerShortcuts) {
    self.grid = grid
    self.shortcuts = shortcuts
    memory = .allocate(capacity: 1)
  }

  deinit { memory.deallocate() }

  var bytes: Int { capacity * 4 }

  /// `ends` says the last bucket of a running gang.
  mutating func build(_ view: borrowing PlanningView, _ topology: borrowing Topology, ends: (Int) -> Int) {
    rules = view.quotas
    let needed = rules.rows.count * grid.bucketCount
    if needed > capacity {
      memory.deallocate()
      memory = .allocate(capacity: needed)
      capacity = needed
    }
    for (i, row) in rules.rows.enumerated() {
      self.row(Int32(i)).initialize(repeating: row.most, count: grid.bucketCount)
    }
    keeps = rules.accounts.map { $0.map { chain in chain.rows.contains { rules.rows[Int($0)].kept > 0 } } }
    guard !rules.accounts.isEmpty else { return }
    for (i, gang) in view.running.enumerated() where gang.project >= 0 {
      count(gang, view, topology, through: ends(i), sign: 1)
    }
  }

  /// Takes what a running gang holds, or gives it back.
  func count(
    _ gang: borrowing RunningGang, _ view: borrowing PlanningView, _ topology: borrowing Topology, through: Int,
    sign: Int32
  ) {
    switch gang.place {
    case .whole(let places):
      for place in places {
        let type = topology.leaves[Int(place.leaf)].deviceType
        let devices = place.nodes * topology.deviceTypes[Int(type)].devicesPerNode
        change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through)
      }
    case .part(let node, let devices):
      let type = topology.leaves[Int(view.sharedNodes[Int(node)].leaf)].deviceType
      change(gang.project, type, sign * devices, jobs: 0, from: 0, through: through)
    }
    if gang.isCounted { change(gang.project, -1, 0, jobs: sign, from: 0, through: through) }
  }

  private func row(_ row: Int32) -> UnsafeMutablePointer<Int32> { memory + Int(row) &* grid.bucketCount }

  // MARK: What is left

  /// The first bucket from `from` on in which `devices` more are within all rows for the whole time; any bucket from
  /// `before` on if there is none before it.
  func firstStart(_ account: Int32, _ type: Int32, _ devices: Int32, units: Int32, from: Int, before: Int) -> Int {
    guard account >= 0, Int(account) < rules.accounts.count else { return from }
    var bucket = from
    while bucket < before {
      let last = grid.lastBucket(from: bucket, units: units)
      let low = lastFailing(account, type, devices, from: bucket, through: last)
      if low < 0 { return bucket }
      bucket = shortcuts.contains(.jumps) ? low &+ 1 : bucket &+ 1
    }
    return bucket
  }

  /// -1: none fails.
  private func lastFailing(_ account: Int32, _ type: Int32, _ devices: Int32, from: Int, through: Int) -> Int {
    var last = -1
    for (i, chain) in rules.accounts[Int(account)].enumerated() {
      let amount = chain.amount(type, devices)
      guard amount > 0 else { continue }
      if keeps[Int(account)][i] {
        var bucket = through
        while bucket > last, bucket >= from, isWithin(chain, amount, bucket) { bucket &-= 1 }
        if bucket >= from { last = max(last, bucket) }
      } else {
        for row in chain.rows {
          last = max(last, WindowSearch.lastBelow(self.row(row), amount, from: max(from, last), through: through))
        }
      }
    }
    return last
  }

  private func isWithin(_ chain: borrowing QuotaRules.Chain, _ amount: Int32, _ bucket: Int) -> Bool {
    var amount = amount
    for row in chain.rows where amount > 0 {
      let left = self.row(row)[bucket]
      if amount > left { return false }
      amount = passedOn(row, left: left, amount)
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

  /// The row that allows least in the first bucket to a gang of so many devices, and how many: of what the row counts.
  func leftNow(_ account: Int32, _ type: Int32, _ devices: Int32) -> (row: Int32, left: Int32, amount: Int32)? {
    var least: (row: Int32, left: Int32, amount: Int32)?
    for chain in rules.chains(account) {
      var amount = chain.amount(type, devices)
      for row in chain.rows where amount > 0 {
        let left = self.row(row)[0]
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
    change(account, type, devices, jobs: 1, from: from, through: through)
  }

  /// A gang that starts now on several types, by type, if all of them together are allowed; else nothing is taken. A row
  /// may count more than one of them, and counts the gang once.
  func takeNow(_ account: Int32, _ devices: [Int32], units: Int32, through: Int) -> Bool {
    for (type, count) in devices.enumerated() where count > 0 {
      guard firstStart(account, Int32(type), count, units: units, from: 0, before: 1) == 0 else {
        for earlier in (0..<type).reversed() where devices[earlier] > 0 {
          change(account, Int32(earlier), -devices[earlier], jobs: 0, from: 0, through: through)
        }
        return false
      }
      change(account, Int32(type), count, jobs: 0, from: 0, through: through)
    }
    change(account, -1, 0, jobs: 1, from: 0, through: through)
    return true
  }

  private func change(_ account: Int32, _ type: Int32, _ devices: Int32, jobs: Int32, from: Int, through: Int) {
    guard account >= 0, Int(account) < rules.accounts.count else { return }
    for (i, chain) in rules.accounts[Int(account)].enumerated() {
      let amount = chain.counts == .jobs ? jobs : chain.amount(type, devices)
      guard amount != 0 else { continue }
      if keeps[Int(account)][i] {
        for bucket in from...through {
          var amount = amount
          for row in chain.rows where amount != 0 {
            let left = self.row(row)[bucket]
            self.row(row)[bucket] = left &- amount
            amount = passedOn(row, left: left, amount)
          }
        }
      } else {
        for row in chain.rows {
          let row = self.row(row)
          for bucket in from...through { row[bucket] &-= amount }
        }
      }
    }
  }
}
