public import MusterCore

/// A fleet in virtual time on one thread: the real core, a pretend journal with the real contract, pretend agents and
/// shims, a network that delays and loses, and faults. Everything from one seed.
public struct World: ~Copyable {
  public struct Failure: Error, CustomStringConvertible, Sendable {
    public var description: String
  }
  enum Message {
    case hello(node: Int)
    case report(node: Int, members: [AgentMember])
    case beat(node: Int, MemberID, Int64, ShimReport)
    case intent(node: Int, epoch: Int64, [Controller.Launch])
    case order(node: Int, MemberID, epoch: Int64, Controller.Order, renews: Int64?, probe: Bool)
    case died(node: Int)
  }
  struct SimNode {
    var name: String
    var agentUp = true
    var agentBackAt: Instant = .never
    var cutUntil: Instant = .zero
    var dead = false
    var boot = 1
    /// Members whose shim has ended and whose folder is still there.
    var gone: Set<MemberID> = []
    var nextReport: Instant = .zero
    var welcomed: Int64 = -1
  }

  let seed: UInt64
  let limits: Limits
  var now = Instant(nanoseconds: 1_000_000_000)
  var controller: Controller
  var isUp = true
  var backAt: Instant = .never
  var stalledUntil: Instant = .zero
  /// Durable batches: what a disk would hold.
  var journal: [[UInt8]] = []
  var nodes: [SimNode] = []
  var shims: [MemberID: SimShim] = [:]
  var nextBeat: [MemberID: Instant] = [:]
  var queue: [(at: Instant, order: Int, Message)] = []
  var sentCount = 0
  public var auditor = Auditor()
  public private(set) var facts: [Fact] = []
  var acknowledged: [JobID] = []
  var network: Chance
  var storm: Chance
  var work: Chance
  let lossPermille: Int
  var commitFails = false
  /// A planted bug, to prove that the alarm rings.
  public var plant: Plant = .none

  public enum Plant: Sendable {
    case none
    /// A device is given away before its member has stopped.
    case freesTooEarly
    /// A restart forgets the last batch that was acknowledged.
    case forgetsLastBatch
    /// A fact is applied in memory and never written.
    case driftsFromJournal
  }

  public init(seed: UInt64, nodes count: Int = 6) {
    self.seed = seed
    var limits = Limits()
    limits.lease = .seconds(10)
    self.limits = limits
    network = Chance(seed: seed, purpose: 1)
    storm = Chance(seed: seed, purpose: 2)
    work = Chance(seed: seed, purpose: 3)
    var shape = Chance(seed: seed, purpose: 4)
    lossPermille = shape.below(3) == 0 ? shape.below(60) : 0
    controller = Controller(cluster: Cluster(), limits: limits, now: now)
    for i in 0..<count { nodes.append(SimNode(name: "node-\(i + 1)")) }
  }

  // MARK: The host of the core

  @discardableResult
  mutating func command(_ command: Command) throws(Failure) -> Controller.Reply {
    guard isUp, now >= stalledUntil else { return .done }
    let reply = controller.handle(command, now: now)
    try commit()
    return reply
  }

  mutating func commit() throws(Failure) {
    var fresh = controller.takeFresh()
    if plant == .freesTooEarly,
      let i = fresh.firstIndex(where: { if case .attemptEnding = $0.event { true } else { false } }),
      case .attemptEnding(let ending) = fresh[i].event
    {
      fresh.insert(
        Fact(at: fresh[i].at, .memberStopped(member: MemberID(attempt: ending.attempt, index: 0), how: .confirmed)),
        at: i)
    }
    if commitFails {
      // A crash between apply and commit: nothing of it happened, nothing of it was told.
      commitFails = false
      _ = controller.takeDirty()
      try restart(downFor: .milliseconds(300))
      return
    }
    if plant == .driftsFromJournal,
      let i = fresh.firstIndex(where: { if case .nodeSuspected = $0.event { true } else { false } })
    {
      fresh.remove(at: i)
    }
    if !fresh.isEmpty {
      var writer = ByteWriter()
      for fact in fresh { writer.put(fact) }
      journal.append(writer.bytes)
      for fact in fresh {
        facts.append(fact)
        do throws(Auditor.Violation) { try auditor.check(fact) } catch { throw Failure(description: error.description) }
      }
    }
    let dirty = controller.takeDirty()
    for node in dirty.nodes { sendIntent(Int(node.index)) }
    for member in dirty.members { sendOrder(member, renews: nil) }
  }

  mutating func sendIntent(_ index: Int) {
    // Node numbers are given in the order of joining; names tell which of ours it is.
    let name = controller.cluster.nodeDetails[index].joined.name
    guard let node = nodes.firstIndex(where: { $0.name == name }) else { return }
    send(.intent(node: node, epoch: controller.cluster.epoch, controller.intent(for: NodeID(Int32(index)))), node: node)
  }

  mutating func sendOrder(_ member: MemberID, renews: Int64?) {
    guard let shim = shims[member] else { return }
    let beat = controller.renews(member) ? renews : nil
    send(
      .order(
        node: shim.node, member, epoch: controller.cluster.epoch, controller.order(for: member), renews: beat,
        probe: controller.wantsProbe(member)), node: shim.node)
  }

  /// Through the network: delayed, sometimes lost, never while the node is cut off.
  mutating func send(_ message: Message, node: Int) {
    guard now >= nodes[node].cutUntil, !network.hits(lossPermille) else { return }
    sentCount += 1
    let at = now + .milliseconds(network.between(0, 20))
    queue.append((at, sentCount, message))
  }

  /// The controller's process dies and comes back from what is durable.
  mutating func restart(downFor: Span) throws(Failure) {
    isUp = false
    backAt = now + downFor
    if plant == .forgetsLastBatch, journal.count > 3 { journal.removeLast() }
    let replayed = try replay()
    let cluster = replayed
    controller = Controller(cluster: cluster, limits: limits, now: now)
    for i in nodes.indices { nodes[i].welcomed = -1 }
  }

  /// The state as the journal has it.
  borrowing func replay() throws(Failure) -> Cluster {
    var cluster = Cluster()
    for batch in journal {
      var reader = ByteReader(batch)
      while !reader.isAtEnd {
        do throws(CodingError) { cluster.apply(try reader.fact()) } catch { throw Failure(description: "\(error)") }
      }
    }
    return cluster
  }

  /// Live state, replayed state and a snapshot of either are the same.
  public func checkReplay() throws(Failure) {
    guard isUp else { return }
    let replayed = try replay()
    let (live, again) = (controller.cluster.encodeSnapshot(), replayed.encodeSnapshot())
    guard live == again else { throw Failure(description: "replaying the journal gives another state") }
    do throws(CodingError) {
      let read = try Cluster(snapshot: live)
      guard read.encodeSnapshot() == live else { throw CodingError.leftOver(bytes: 0) }
    } catch {
      throw Failure(description: "a snapshot does not give its state back: \(error)")
    }
  }
}
