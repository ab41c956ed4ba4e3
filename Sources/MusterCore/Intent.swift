/// What should be, told to agents and shims. Pure functions of the state: a lost message heals with the next.
extension Controller {
  /// One member that should exist on a node.
  public struct Launch: Sendable {
    public var member: MemberID
    public var spec: JobSpec
    public var part: JobPart
    public var firstRank: Int32
    public var devices: UInt64
    /// Of its role: `node-[1-4]`, in rank order.
    public var nodeList: String
    public var resumeStep: Int64
  }

  /// The members that should exist on a node; others are killed by its agent.
  public func intent(for node: NodeID) -> [Launch] {
    cluster.memberSlots(onNode: node).compactMap { slot in
      let member = cluster.members[slot]
      let id = cluster.memberID(slot)
      if watch.knownMember(slot, id: id)?.unwanted == true { return nil }
      let attempt = cluster.attempts[member.attemptSlot]
      let spec = cluster.specs[Int(attempt.jobSlot)]
      let part = spec.part(ofMember: member.index)
      let all = cluster.memberSlots(ofAttempt: member.attemptSlot)[Int(part.firstMember)...].prefix(
        Int(part.role.nodes))
      return Launch(
        member: id, spec: spec, part: part, firstRank: spec.ranks(ofMember: member.index).lowerBound,
        devices: member.devices, nodeList: compactNodeList(all.map { nodeName(cluster.members[$0].node) }),
        resumeStep: attempt.resumeStep)
    }
  }

  /// What a shim should do now.
  public enum Order: Sendable, Hashable {
    case prepare
    case go(masterAddress: String, masterPort: Int32)
    case stop(StopPolicy)
    /// Everything it said is durable: it may end.
    case release
  }

  public func order(for id: MemberID) -> Order {
    guard let slot = cluster.memberSlot(id) else { return .release }
    if cluster.members[slot].stopped { return .release }
    let attempt = cluster.members[slot].attemptSlot
    let state = cluster.attempts[attempt]
    let seen = watch.knownAttempt(attempt, id: id.attempt)
    switch state.phase {
    case .stopping, .ended: return .stop(stopOrder(state.outcome, cluster.specs[Int(state.jobSlot)]))
    case .running, .starting:
      guard seen?.released == true || state.phase == .running else { return .prepare }
      let part = cluster.specs[Int(state.jobSlot)].part(ofMember: cluster.members[slot].index)
      let first = cluster.memberSlots(ofAttempt: attempt)[Int(part.firstMember)]
      let address = cluster.nodeDetails[Int(cluster.members[first].node)].joined.address
      let ports = seen?.ports ?? []
      return .go(masterAddress: address, masterPort: ports.indices.contains(part.number) ? ports[part.number] : 0)
    }
  }

  /// Whether beats of this member renew its lease: until its attempt has ended. (While it is being stopped, too: a long
  /// grace must not be cut short by the lease, and a cut-off member must not outlive it.)
  public func renews(_ id: MemberID) -> Bool {
    guard let slot = cluster.memberSlot(id), !cluster.members[slot].stopped else { return false }
    return cluster.attempts[cluster.members[slot].attemptSlot].phase != .ended
  }

  public func wantsProbe(_ id: MemberID) -> Bool {
    cluster.memberSlot(id).map { wantsProbe(cluster.members[$0].attemptSlot) } ?? false
  }
}

/// Names as Slurm writes them: `["node-1", "node-2", "node-3", "x"]` is `node-[1-3],x`. Order is kept.
public func compactNodeList(_ names: [String]) -> String {
  struct Run {
    var prefix: Substring
    var ranges: [(first: Int, last: Int, width: Int)]
  }
  var out: [String] = []
  var run: Run?
  func text(_ run: Run) -> String {
    func padded(_ n: Int, _ width: Int) -> String {
      let digits = String(n)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let parts = run.ranges.map { range in
      range.first == range.last
        ? padded(range.first, range.width) : "\(padded(range.first, range.width))-\(padded(range.last, range.width))"
    }
    if run.ranges.count == 1, run.ranges[0].first == run.ranges[0].last { return run.prefix + parts[0] }
    return "\(run.prefix)[\(parts.joined(separator: ","))]"
  }
  for name in names {
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
    let number = Int(name.suffix(digits))
    guard digits > 0, digits < 18, let number else {
      if let done = run { out.append(text(done)) }
      run = nil
      out.append(name)
      continue
    }
    let prefix = name.dropLast(digits)
    let width = digits
    if var open = run, open.prefix == prefix {
      let last = open.ranges[open.ranges.count - 1]
      if last.last + 1 == number, last.width == width || String(number).count == width {
        open.ranges[open.ranges.count - 1].last = number
      } else {
        open.ranges.append((number, number, width))
      }
      run = open
    } else {
      if let done = run { out.append(text(done)) }
      run = Run(prefix: prefix, ranges: [(number, number, width)])
    }
  }
  if let done = run { out.append(text(done)) }
  return out.joined(separator: ",")
}
