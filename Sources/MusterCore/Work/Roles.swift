/// One role of a job, and where its members and ranks stand among those of the whole job: roles follow one another, in
/// their order.
public struct JobPart: Sendable {
  /// In `JobSpec.roles`.
  public var number: Int
  public var role: RoleSpec
  public var firstMember: Int32
  /// As facts, reports and logs count ranks. Programs are told numbers that begin at 0 in each role.
  public var firstRank: Int32
}

extension JobSpec {
  public var roles: [RoleSpec] { further.isEmpty ? [role] : [role] + further.map(\.role) }

  public var hasRoles: Bool { !further.isEmpty }

  /// Of all roles.
  public var nodes: Int32 { further.reduce(role.nodes) { $0 &+ $1.role.nodes } }

  /// Ranks of all roles.
  public var ranks: Int32 { further.reduce(role.worldSize) { $0 &+ $1.role.worldSize } }

  /// Of all roles.
  public var devices: Int32 { roles.reduce(0) { $0 &+ $1.nodes &* $1.devicesPerNode } }

  /// The most that a role has on a node; 0: nothing is planned for the job.
  var mostDevicesPerNode: Int32 { further.reduce(role.devicesPerNode) { max($0, $1.role.devicesPerNode) } }

  public func part(ofMember index: Int32) -> JobPart {
    part { $0.firstMember + $0.role.nodes > index }
  }

  public func part(ofRank rank: Int32) -> JobPart {
    part { $0.firstRank + $0.role.worldSize > rank }
  }

  private func part(_ isWanted: (JobPart) -> Bool) -> JobPart {
    var part = JobPart(number: 0, role: role, firstMember: 0, firstRank: 0)
    for next in further where !isWanted(part) {
      part = JobPart(
        number: part.number + 1, role: next.role, firstMember: part.firstMember + part.role.nodes,
        firstRank: part.firstRank + part.role.worldSize)
    }
    return part
  }

  /// The first of the ranks that a member runs, and how many.
  public func ranks(ofMember index: Int32) -> Range<Int32> {
    let part = part(ofMember: index)
    let first = part.firstRank + (index - part.firstMember) * part.role.ranksPerNode
    return first..<first + part.role.ranksPerNode
  }

  public func member(ofRank rank: Int32) -> Int32 {
    let part = part(ofRank: rank)
    return part.firstMember + (rank - part.firstRank) / part.role.ranksPerNode
  }

  /// A job of one role alone, for whoever looks at gangs one by one.
  func alone(_ number: Int) -> JobSpec {
    guard hasRoles else { return self }
    var spec = self
    spec.further = []
    guard number > 0 else { return spec }
    let own = further[number - 1]
    spec.role = own.role
    spec.wishes.place = own.wishes.place
    return spec
  }

  func isExclusive(member index: Int32) -> Bool {
    hasRoles ? wishes(ofRole: part(ofMember: index).number).isExclusive : wishes.isExclusive
  }

  /// What the gang of a role asks of its place.
  func wishes(ofRole number: Int) -> Wishes { number == 0 ? wishes : further[number - 1].wishes }

  /// Splits what holds for all members, in their order, by role.
  func byRole<Element>(_ all: [Element]) -> [[Element]] {
    var first = 0
    return roles.map { role in
      let range = min(first, all.count)..<min(first + Int(role.nodes), all.count)
      first += Int(role.nodes)
      return Array(all[range])
    }
  }
}

extension Wishes {
  /// What is asked of the place, and nothing of the time.
  public var place: Wishes {
    get {
      var place = Wishes()
      place.place = self
      return place
    }
    set {
      (segment, within, spread, deviceTypes) = (
        newValue.segment, newValue.within, newValue.spread, newValue.deviceTypes
      )
      (isExclusive, constraint, exclude) = (newValue.isExclusive, newValue.constraint, newValue.exclude)
    }
  }
}
