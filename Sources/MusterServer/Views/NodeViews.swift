import MusterCore
import MusterProtocol

extension Controller {
  func nodePage(from first: Int, limit: Int) -> JSON {
    let end = min(cluster.nodes.count, first + limit)
    let nodes = (min(first, end)..<end).map { nodeView(NodeID(Int32($0))) }
    let next: JSON = end < cluster.nodes.count ? .string(cluster.nodeDetails[end - 1].joined.name) : .null
    return ["nodes": .array(nodes), "next": next]
  }

  func nodeView(_ node: NodeID) -> JSON {
    let (hot, detail) = (cluster.nodes[Int(node.index)], cluster.nodeDetails[Int(node.index)])
    var jobs: [Int64] = []
    for member in cluster.memberSlots(onNode: node) {
      let id = cluster.memberID(member).attempt.job.number
      if !jobs.contains(id) { jobs.append(id) }
    }
    let agent = agent(of: node)
    var reason = detail.reason
    if hot.state == .ready, !agent.connected { reason = "its agent is not connected: no new work goes there" }
    return [
      "name": .string(detail.joined.name), "state": .string("\(hot.state)"), "devices": JSON(hot.devices),
      "free": JSON(hot.freeDeviceCount), "reason": .string(reason), "since": .time(hot.since),
      "jobs": .array(jobs.map { .int($0) }), "address": .string(detail.joined.address),
      "deviceType": .string(detail.joined.deviceType), "cpus": JSON(detail.joined.cpus),
      "memoryBytes": .int(detail.joined.memoryBytes), "connected": .bool(agent.connected),
      "pid": agent.connected ? JSON(agent.pid) : .null,
      "labels": .object(detail.labels.map { .init(name: $0.key, value: .string($0.value)) }),
    ]
  }

  func clusterView(startedAt: Instant, now: Instant, speed: Int64?) -> JSON {
    var nodes = [Int](repeating: 0, count: NodeState.allCases.count)
    for node in cluster.nodes { nodes[Int(node.state.rawValue)] += 1 }
    var nodeCounts: [JSON.Member] = [.init(name: "total", value: JSON(cluster.nodes.count))]
    for state in NodeState.allCases {
      nodeCounts.append(.init(name: "\(state)", value: JSON(nodes[Int(state.rawValue)])))
    }
    var (starting, running, stopping) = (0, 0, 0)
    var (members, heard) = (0, 0)
    for slot in cluster.active {
      let attempt = cluster.attempt(slot)
      members += Int(attempt.memberCount - attempt.membersStopped)
      heard += Int(heardMembers(ofAttempt: slot))
      switch cluster.job(attempt.jobSlot).state {
      case .starting: starting += 1
      case .running: running += 1
      case .stopping: stopping += 1
      case .pending, .completed, .failed, .cancelled, .timedOut: break
      }
    }
    return [
      "epoch": .int(cluster.epoch), "sequence": .int(cluster.sequence), "startedAt": .time(startedAt),
      "nodes": .object(nodeCounts),
      "now": .time(now),
      // Null: a real fleet. Else all of it is pretended, and so many seconds pass in one.
      "simulation": speed.map { ["speed": .int($0)] } ?? .null,
      // Shims that should be there, and those that this controller has heard.
      "shims": ["expected": JSON(members), "heard": JSON(heard)],
      "jobs": [
        "pending": JSON(cluster.pending.count), "starting": JSON(starting), "running": JSON(running),
        "stopping": JSON(stopping),
      ],
    ]
  }
}
