import MusterCore

/// Drawn jobs that keep a fleet about as busy as a large one is: five kinds, each with its share of the devices. Whenever
/// one of them has less than its share, running and waiting together, jobs of it are submitted: as many as come nearest to
/// it, and at least one. All shares together are 90 % of the devices; what large gangs are over or under their share by
/// makes some jobs wait from time to time.
struct JobMix {
  struct Kind {
    /// In front of the names of its jobs.
    var name: String
    var project: String
    var priority: Int32
    /// Of the fleet's devices, in thousandths; what all others leave is the last kind's.
    var share: Int64
    /// So many jobs, at about their mean size, are as much as the kind ever has: on a large fleet small jobs would come and
    /// go by the hundred a second. 0: no limit.
    var mostJobs: Int64
    /// Nodes: from the first to the second, but no more than one in `oneIn` of the fleet; where that is none, and where it
    /// is 0, a part of a node.
    var nodes: ClosedRange<Int64>
    var oneIn: Int64
    /// Shortest duration in minutes, and how often it may double.
    var minutes: Int64
    var doublings: Int
    /// Minutes of work between two checkpoints.
    var checkpointMinutes: Int64
  }

  /// Our own choice of what a training fleet does: most devices in few large jobs, most jobs small.
  static let kinds: [Kind] = [
    Kind(
      name: "debug", project: "research", priority: 0, share: 20, mostJobs: 40, nodes: 0...0, oneIn: 1, minutes: 10,
      doublings: 3, checkpointMinutes: 0),
    Kind(
      name: "evaluation", project: "research", priority: 0, share: 60, mostJobs: 100, nodes: 0...0, oneIn: 1,
      minutes: 30, doublings: 3, checkpointMinutes: 0),
    Kind(
      name: "tuning", project: "research", priority: 0, share: 250, mostJobs: 300, nodes: 1...16, oneIn: 4,
      minutes: 120, doublings: 4, checkpointMinutes: 15),
    Kind(
      name: "serving", project: "serving", priority: 10, share: 150, mostJobs: 300, nodes: 1...4, oneIn: 16,
      minutes: 1_440, doublings: 3, checkpointMinutes: 0),
    Kind(
      name: "pretrain", project: "pretrain", priority: 5, share: 500, mostJobs: 0, nodes: 2...(1 << 20), oneIn: 8,
      minutes: 480, doublings: 4, checkpointMinutes: 30),
  ]

  private let fleet: SimFleet
  /// Devices that jobs of each kind have or wait for, and that they should.
  private(set) var outstanding: [Int64]
  let targets: [Int64]
  private var projects: [String]
  private var submitted: [Int64]
  private var shapes: Chance
  private var times: Chance
  private var people: Chance
  private var looks: Chance

  init(fleet: SimFleet, seed: UInt64) {
    self.fleet = fleet
    outstanding = Self.kinds.map { _ in 0 }
    submitted = Self.kinds.map { _ in 0 }
    projects = Self.kinds.map(\.project)
    targets = Self.targets(fleet)
    shapes = Chance(seed: seed, purpose: 211)
    times = Chance(seed: seed, purpose: 212)
    people = Chance(seed: seed, purpose: 213)
    looks = Chance(seed: seed, purpose: 214)
  }

  private static func targets(_ fleet: SimFleet) -> [Int64] {
    let perNode = max(1, fleet.devices / Int64(fleet.nodes))
    var left = fleet.devices * 9 / 10
    return kinds.map { kind in
      var target = fleet.devices * kind.share / 1_000
      let size = kind.nodes.upperBound == 0 ? max(1, perNode / 2) : perNode * min(kind.nodes.upperBound / 2, 5)
      if kind.mostJobs > 0 { target = min(target, kind.mostJobs * size) } else { target = left }
      left -= target
      return target
    }
  }

  /// Where projects are declared, those that a kind's jobs would name otherwise are taken in turn.
  mutating func take(_ policy: Policy) {
    let parents = Set(policy.projects.map(\.parent))
    let leaves = policy.projects.map(\.name).filter { !parents.contains($0) }
    projects = Self.kinds.enumerated().map { i, kind in
      leaves.isEmpty || leaves.contains(kind.project) ? kind.project : leaves[i % leaves.count]
    }
  }

  /// A job was submitted (1) or has ended (-1). A person's that bears a kind's name counts as one of it.
  mutating func count(_ spec: JobSpec, _ sign: Int64) {
    guard let i = Self.kinds.firstIndex(where: { spec.name.hasPrefix($0.name + "-") }) else { return }
    outstanding[i] += sign * Int64(spec.role.nodes) * Int64(spec.role.devicesPerNode)
  }

  /// Most that one look submits.
  private static let mostPerLook = 64

  /// What is submitted now, and milliseconds until the next look.
  mutating func look() -> (jobs: [JobSpec], wait: Int64) {
    var (jobs, asked): ([JobSpec], [Int64]) = ([], outstanding)
    for i in Self.kinds.indices.reversed() {
      while asked[i] < targets[i], jobs.count < Self.mostPerLook {
        let job = draw(i)
        let devices = Int64(job.role.nodes) * Int64(job.role.devicesPerNode)
        guard asked[i] == 0 || asked[i] + devices / 2 <= targets[i] else { break }
        asked[i] += devices
        jobs.append(job)
      }
    }
    let wait = looks.between(20_000, 60_000)
    // A fleet that is still empty is filled soon, at any speed.
    return (jobs, jobs.count == Self.mostPerLook ? 1_000 : wait)
  }

  private mutating func draw(_ i: Int) -> JobSpec {
    let kind = Self.kinds[i]
    submitted[i] += 1
    let (nodes, devices, type) = shape(kind)
    let duration = times.between(doubling: kind.minutes * 60_000, kind.doublings)
    // Nobody knows how long a job takes: walltimes are up to three times as long, in steps of 15 minutes.
    let asked = duration / 100 * times.between(120, 300)
    let walltime = (asked + 899_999) / 900_000 * 900_000
    let role = RoleSpec(
      nodes: nodes, devicesPerNode: devices, ranksPerNode: devices,
      command: ["sleep", PretendFleet.seconds(duration / 1_000 * 1_000)], workingDirectory: "/")
    var spec = JobSpec(
      name: "\(kind.name)-\(submitted[i])", project: projects[i], user: "user\(1 + people.below(12))",
      priority: kind.priority, role: role, walltime: .milliseconds(walltime), restart: .pretended,
      checkpointEvery: kind.checkpointMinutes * 60)
    if !type.isEmpty, fleet.deviceTypes.count > 1 { spec.wishes.deviceTypes = [type] }
    return spec
  }

  /// Of several kinds of nodes those with more devices are chosen more often.
  private mutating func shape(_ kind: Kind) -> (nodes: Int32, devicesPerNode: Int32, deviceType: String) {
    var at = shapes.between(0, fleet.devices - 1)
    var of = fleet.kinds[0]
    for next in fleet.kinds {
      of = next
      at -= Int64(next.nodes) * Int64(next.devicesPerNode)
      if at < 0 { break }
    }
    var most = min(kind.nodes.upperBound, Int64(of.nodes) / kind.oneIn)
    // Of a small fleet, too, the largest jobs are gangs.
    if kind.mostJobs == 0 { most = max(most, min(kind.nodes.lowerBound, max(1, Int64(of.nodes) / 2))) }
    guard most > 0 else {
      // 1, 2 or 4 devices, or all of a node.
      let devices = min(of.devicesPerNode, 1 << Int32(shapes.below(4)))
      return (1, devices, of.deviceType)
    }
    // Of the largest kind nothing below an eighth of its most.
    let least = max(min(kind.nodes.lowerBound, most), kind.mostJobs == 0 ? most / 8 : 1)
    return (Int32(shapes.between(least, most)), of.devicesPerNode, of.deviceType)
  }
}
