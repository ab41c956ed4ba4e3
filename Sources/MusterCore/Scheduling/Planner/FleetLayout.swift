/// How the topology lies in the profile's bytes. A lane is a leaf's place in its group; a group is the leaves of one
/// device type below one domain of the last level but one; larger domains are ranges of groups.
struct FleetLayout: Sendable {
  struct Group: Sendable {
    var type: Int32
    /// First of the group's lanes among all; a multiple of 32.
    var firstLane: Int
    var lanes: Int
    /// Lanes with padding, a multiple of 32; the padding is always 0, so that it never fits anything.
    var stride: Int
  }

  struct Domain: Sendable {
    var groups: Range<Int>
  }

  /// Levels here have one more in front: 0 is the whole fleet, i + 1 is level i of the topology without the last.
  let levelCount: Int
  private(set) var groups: [Group] = []
  private(set) var domains: [Domain] = []
  /// Domains of (type, level): entry `type * levelCount + level`.
  private(set) var domainsAt: [Range<Int>] = []
  /// The domain of (group, level): entry `group * levelCount + level`.
  private(set) var domainsOfGroups: [Int32] = []
  /// By lane among all: the leaf, -1 for padding.
  private(set) var leafOfLane: [Int32] = []
  private(set) var laneOfLeaf: [Int32]
  private(set) var groupOfLeaf: [Int32]
  private(set) var strideMax = 0

  init(_ topology: Topology) {
    levelCount = topology.levels.count
    laneOfLeaf = Array(repeating: 0, count: topology.leaves.count)
    groupOfLeaf = laneOfLeaf
    for type in topology.deviceTypes.indices { addGroups(Int32(type), topology) }
    for type in topology.deviceTypes.indices { addDomains(Int32(type), topology) }
    domainsOfGroups = Array(repeating: 0, count: groups.count * levelCount)
    for (i, domains) in domainsAt.enumerated() {
      for domain in domains {
        for group in self.domains[domain].groups {
          domainsOfGroups[group * levelCount + i % levelCount] = Int32(domain)
        }
      }
    }
  }

  var laneCount: Int { leafOfLane.count }

  func domains(type: Int32, level: Int) -> Range<Int> { domainsAt[Int(type) * levelCount + level] }
  func domain(ofGroup group: Int, level: Int) -> Int { Int(domainsOfGroups[group &* levelCount &+ level]) }
  /// The level of groups: the innermost one that is larger than a leaf.
  var groupLevel: Int { levelCount - 1 }

  private mutating func addGroups(_ type: Int32, _ topology: Topology) {
    var last: Int32 = -1
    for (i, leaf) in topology.leaves.enumerated() where leaf.deviceType == type {
      let parent = leaf.domains.last ?? 0
      if parent != last || groups.last?.type != type {
        pad()
        groups.append(Group(type: type, firstLane: leafOfLane.count, lanes: 0, stride: 0))
        last = parent
      }
      laneOfLeaf[i] = Int32(leafOfLane.count)
      groupOfLeaf[i] = Int32(groups.count - 1)
      leafOfLane.append(Int32(i))
      groups[groups.count - 1].lanes += 1
    }
    pad()
  }

  private mutating func pad() {
    guard !groups.isEmpty else { return }
    while leafOfLane.count % 32 != 0 { leafOfLane.append(-1) }
    let stride = leafOfLane.count - groups[groups.count - 1].firstLane
    groups[groups.count - 1].stride = stride
    strideMax = max(strideMax, stride)
  }

  private mutating func addDomains(_ type: Int32, _ topology: Topology) {
    let own = groups.indices.filter { groups[$0].type == type }
    for level in 0..<levelCount {
      let first = domains.count
      var last: Int32 = -1
      for group in own {
        let leaf = Int(leafOfLane[groups[group].firstLane])
        let domain = level == 0 ? 0 : topology.leaves[leaf].domains[level - 1]
        if domain == last {
          domains[domains.count - 1].groups = domains[domains.count - 1].groups.lowerBound..<group + 1
        } else {
          domains.append(Domain(groups: group..<group + 1))
          last = domain
        }
      }
      domainsAt.append(first..<domains.count)
    }
  }
}
