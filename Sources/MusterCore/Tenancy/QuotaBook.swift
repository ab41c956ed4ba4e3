/// What is declared of projects and users, as the planner's rows.
struct QuotaBook: Sendable {
  /// What a row stands for, in words that `why` uses.
  struct Label: Hashable, Sendable {
    enum What: Hashable, Sendable {
      /// A project's guarantee and what it may borrow; the type as it was declared, empty for all together.
      case quota(type: String, guaranteed: Int32, most: Int32)
      /// All that there is of a type, less what projects keep for themselves.
      case fleet(type: String)
      case devices
      case jobs
    }
    var project: String
    /// Empty: all of the project's.
    var user = ""
    var what: What
  }

  private struct Account: Hashable {
    var project: Int32
    var user: String
  }

  private(set) var rules = QuotaRules()
  /// Beside `rules.rows`.
  private(set) var labels: [Label] = []
  let tree: ProjectTree
  private let policy: Policy
  /// By project, and behind them what all others share: its chains without a user's.
  private var chains: [[QuotaRules.Chain]] = []
  private var userRows: [Account: [QuotaRules.Chain]] = [:]
  private var accounts: [Account: Int32] = [:]

  /// Test-only: what is allowed beyond every limit.
  private let slack: Int32

  /// `capacity`: devices of all nodes known by type of the topology.
  init(_ policy: Policy, _ topology: Topology, capacity: [Int32], slack: Int32 = 0) {
    self.policy = policy
    self.slack = slack
    tree = ProjectTree(policy, topology)
    guard !policy.projects.isEmpty else {
      chains = [[]]
      return
    }
    chains = Array(repeating: [], count: policy.projects.count + 1)
    for (kind, name) in tree.kinds.enumerated() { addQuotas(kind, name, capacity) }
    addLimits()
  }

  private mutating func add(_ row: QuotaRules.Row, _ label: Label) -> Int32 {
    labels.append(label)
    var row = row
    if row.most < QuotaRules.unlimited { row.most += slack }
    return rules.add(row)
  }

  /// Rows of one device type: from each project up to where nothing limits it any more.
  private mutating func addQuotas(_ kind: Int, _ name: String, _ capacity: [Int32]) {
    let types = tree.typesOfKind[kind]
    guard name.isEmpty || !types.isEmpty else { return }
    let declared = policy.projects.map { project in project.quotas.first { $0.deviceType == name } }
    var root: Int32 = -1
    if declared.contains(where: { $0?.lendLimit != nil }) {
      let all = capacity.indices.reduce(0) { $0 + (types.isEmpty || types.contains(Int32($1)) ? capacity[$1] : 0) }
      let ofRoots = declared.indices.filter { tree.parents[$0] < 0 }.reduce(0) {
        $0 + max(hiddenBelow(declared)[$1], kept(declared[$1]))
      }
      root = add(QuotaRules.Row(most: max(0, all - ofRoots)), Label(project: "", what: .fleet(type: name)))
    }
    let hidden = hiddenBelow(declared)
    // Parents stand before their children: theirs are there already.
    var rows: [[Int32]] = []
    for (i, project) in policy.projects.enumerated() {
      var own = tree.parents[i] < 0 ? (root < 0 ? [] : [root]) : rows[Int(tree.parents[i])]
      if let quota = declared[i], quota.borrowLimit != nil || quota.lendLimit != nil {
        let most = Int32(
          min(Int64(quota.guaranteed) + Int64(quota.borrowLimit ?? QuotaRules.unlimited), Int64(QuotaRules.unlimited)))
        // What its children keep is counted in their rows alone.
        let row = QuotaRules.Row(
          most: most == QuotaRules.unlimited ? most : max(0, most - hidden[i]), kept: max(0, kept(quota) - hidden[i]))
        let label = Label(
          project: project.name, what: .quota(type: name, guaranteed: quota.guaranteed, most: most))
        own.insert(add(row, label), at: 0)
      }
      rows.append(own)
      if !own.isEmpty { chains[i].append(QuotaRules.Chain(.devices(types: types), rows: own)) }
    }
    if root >= 0 { chains[policy.projects.count].append(QuotaRules.Chain(.devices(types: types), rows: [root])) }
  }

  private func kept(_ quota: DeviceQuota?) -> Int32 {
    quota.flatMap { quota in quota.lendLimit.map { max(0, quota.guaranteed - $0) } } ?? 0
  }

  /// By project: what those below it keep for themselves, and so no row above theirs counts.
  private func hiddenBelow(_ declared: [DeviceQuota?]) -> [Int32] {
    var hidden = declared.map { _ in Int32(0) }
    for i in declared.indices.reversed() where tree.parents[i] >= 0 {
      hidden[Int(tree.parents[i])] += max(hidden[i], kept(declared[i]))
    }
    return hidden
  }

  private mutating func addLimits() {
    for (i, project) in policy.projects.enumerated() {
      for chain in rows(of: project.limits, project: project.name, user: "") {
        for below in policy.projects.indices where tree.isWithin(Int32(below), Int32(i)) { chains[below].append(chain) }
      }
    }
  }

  private mutating func rows(of limits: UseLimits, project: String, user: String) -> [QuotaRules.Chain] {
    var chains: [QuotaRules.Chain] = []
    if let most = limits.devices {
      let row = add(QuotaRules.Row(most: most), Label(project: project, user: user, what: .devices))
      chains.append(QuotaRules.Chain(.devices(types: []), rows: [row]))
    }
    if let most = limits.runningJobs {
      let row = add(QuotaRules.Row(most: most), Label(project: project, user: user, what: .jobs))
      chains.append(QuotaRules.Chain(.jobs, rows: [row]))
    }
    return chains
  }

  /// The account that jobs of a user are charged to; -1: nothing limits them.
  mutating func account(project name: String, user: String) -> Int32 {
    guard !policy.projects.isEmpty else { return -1 }
    let project = tree.number(name)
    let hasUsers = project >= 0 && tree.hasUserLimits[Int(project)]
    let key = Account(project: project, user: hasUsers ? user : "")
    if let known = accounts[key] { return known }
    var all = chains[project < 0 ? policy.projects.count : Int(project)]
    if hasUsers {
      for at in tree.path(project) { all += userChains(Account(project: at, user: user)) }
    }
    let number = all.isEmpty ? -1 : rules.add(account: all)
    accounts[key] = number
    return number
  }

  private mutating func userChains(_ key: Account) -> [QuotaRules.Chain] {
    if let known = userRows[key] { return known }
    let project = policy.projects[Int(key.project)]
    let made = rows(of: project.userLimits, project: project.name, user: key.user)
    userRows[key] = made
    return made
  }
}

extension QuotaBook.Label {
  /// `needed` more than `left` of what there may be at the same time.
  func message(needed: Int32, left: Int32, most: Int32) -> String {
    let left = max(0, left)
    return switch what {
    case .quota, .devices:
      allowed(most) + (most > 0 ? " and has \(left == 0 ? "none" : "\(left)") left" : "") + "; it needs \(needed)"
    case .fleet: "\(notKept(left)); it needs \(needed)"
    case .jobs: most > 0 ? "\(allowed(most)), and no more may start now" : allowed(most)
    }
  }

  /// More than all of it.
  /// - Parameter isAlone: on some of its nodes, all of whose devices count.
  func never(needed: Int32, most: Int32, isAlone: Bool = false) -> String {
    let needs = isAlone ? "is alone on its nodes and so needs at least" : "needs"
    return switch what {
    case .quota, .devices: "\(needs) \(counted(needed, device)); \(allowed(most))"
    case .fleet: "\(needs) \(counted(needed, device)); \(notKept(most))"
    case .jobs: "is a job of \(who), \(user.isEmpty ? "which" : "who") may run none"
    }
  }

  private var who: String { user.isEmpty ? "project \(project)" : "user \(user) of project \(project)" }

  private func allowed(_ most: Int32) -> String {
    switch what {
    case .quota(_, let guaranteed, let declared) where declared > 0:
      "\(who) may use \(counted(declared, device)) (\(guaranteed) guaranteed, \(declared - guaranteed) borrowed)"
    case .quota: "\(who) may use \(counted(most, device))"
    case .fleet, .devices: "\(who) may use \(counted(most, device))\(most > 0 ? " at the same time" : "")"
    case .jobs: "\(who) may run \(counted(most, "job"))\(most > 0 ? " at the same time" : "")"
    }
  }

  private func notKept(_ left: Int32) -> String {
    left == 0
      ? "all \(device)s that are left are kept for other projects"
      : "\(counted(left, device)) \(left == 1 ? "is" : "are") not kept for other projects"
  }

  private var device: String {
    switch what {
    case .quota(let type, _, _), .fleet(let type): type.isEmpty ? "device" : "\(type) device"
    case .devices, .jobs: "device"
    }
  }
}
