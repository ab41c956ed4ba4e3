import Hummingbird
import MusterCore
import MusterDevices
import MusterProtocol

extension API {
  private static let pointsPerRequest = 1_000

  /// What the devices of a node do, and with `from` or `to` what they did.
  func nodeDevices(_ name: String, _ request: Request) async throws -> Response {
    let range = try Self.range(request, now: telemetry.now)
    let level = try Self.step(request, range)
    let found = try await durable { cluster -> (id: Int32, devices: Int32, type: String, held: HeldDevices)? in
      guard let node = cluster.node(named: name) else { return nil }
      let joined = cluster.nodeDetails[Int(node.index)].joined
      return (node.index, joined.devices, joined.deviceType, HeldDevices(cluster, on: [node.index]))
    }
    guard let found else { throw APIError(.noSuchNode(name)) }
    let fold = await telemetry.node(found.id)
    let isFresh = fold.map { telemetry.now - $0.heardAt <= telemetry.fresh } ?? false
    let view = NodeDevicesView(
      node: name, deviceType: found.type, deviceCount: Int(found.devices),
      // What was read once can be read again.
      newest: isFresh ? fold.flatMap { try? NodeRollup(packed: $0.newest) } : nil,
      holders: found.held.nodes[found.id] ?? [])
    var members = view.members
    guard let range, let level else { return Response(json: .object(members)) }
    let points = await telemetry.points(level, ofNode: found.id, in: range)
    members.append(.init(name: "step", value: .string(level.rawValue)))
    members.append(.init(name: "series", value: view.series(Array(points.prefix(Self.pointsPerRequest)))))
    let next = points.dropFirst(Self.pointsPerRequest).first
    members.append(.init(name: "next", value: next.map { .moment($0.at) } ?? .null))
    return Response(json: .object(members))
  }

  /// What the devices of a job have done, by minute, and each device of its newest attempt.
  func jobDevices(_ id: JobID, _ request: Request) async throws -> Response {
    let asked = try Self.range(request, now: telemetry.now)
    try await checkGiven(id)
    let devices = await telemetry.devices(of: id)
    let range = asked ?? (devices.map { $0.from - RollupLevel.jobs.step..<$0.to + 1 } ?? 0..<1)
    let minutes = devices == nil ? [] : await telemetry.minutes(ofJob: id, in: range)
    let attempt = AttemptID(job: id, number: devices?.attempt ?? 0)
    let known = try await durable { cluster in
      KnownOfJob(
        members: JobDevicesView.members(of: attempt, cluster),
        precision: cluster.slot(of: id).flatMap { cluster.spec($0).model?.precision.name })
    }
    let view = JobDevicesView(
      job: id, devices: devices, members: known.members, precision: known.precision, minutes: minutes,
      now: telemetry.now)
    return Response(json: view.json)
  }

  /// The fleet's devices by what they do; one answer serves all who ask within a second.
  func devices() async throws -> Response {
    if let known = await telemetry.shownFleet() { return Response(json: known) }
    let fleet = await telemetry.fleet()
    let (total, projects) = try await durable { cluster in
      let total = cluster.nodes.reduce(Int64(0)) { $0 + Int64($1.devices) }
      return (total, fleet.projects(cluster))
    }
    let answer = fleet.json(total: total, projects: projects)
    await telemetry.shown(answer)
    return Response(json: answer)
  }

  private func durable<T: Sendable>(
    _ body: @escaping @Sendable (borrowing Cluster) -> T
  ) async throws(APIError) -> T {
    do {
      return try await follower.look(body)
    } catch {
      throw APIError(
        status: .serviceUnavailable, code: "notReady", message: "the journal cannot be read: \(error)",
        remedy: "the controller's log says more; jobs that run are not affected", retryAfterSeconds: 30)
    }
  }

  /// Milliseconds since 1970; nil: neither end is asked for. Without `from` the hour before `to`.
  private static func range(_ request: Request, now: Int64) throws(APIError) -> Range<Int64>? {
    let from = try moment(request, "from").map { $0.nanoseconds / 1_000_000 }
    let to = try moment(request, "to").map { $0.nanoseconds / 1_000_000 }
    guard from != nil || to != nil else { return nil }
    let (first, end) = (from ?? (to ?? now) - 3_600_000, to ?? max(now, (from ?? 0) + 1))
    guard first < end else {
      throw .invalid("to", String(request.uri.queryParameters["to"] ?? ""), "a moment after from")
    }
    return first..<end
  }

  /// Without `step` the finest that stays below 500 points.
  private static func step(_ request: Request, _ range: Range<Int64>?) throws(APIError) -> RollupLevel? {
    let levels: [RollupLevel] = [.sent, .minute, .hour]
    guard let text = request.uri.queryParameters["step"].map(String.init) else {
      guard let range else { return nil }
      return levels.first { (range.upperBound - range.lowerBound) / $0.step < 500 } ?? .hour
    }
    guard let level = levels.first(where: { $0.rawValue == text }) else {
      throw .invalid("step", text, "one of \(levels.map(\.rawValue).joined(separator: ", "))")
    }
    guard range != nil else { throw .invalid("step", text, "with from or to: it is a series'") }
    return level
  }
}

/// What is durable of a job whose devices are asked about.
private struct KnownOfJob: Sendable {
  var members: [JobDevicesView.Member]
  /// As its model declares; nil: it declares none.
  var precision: String?
}

extension JobDevicesView {
  /// The members of an attempt that is still known; else none.
  static func members(of id: AttemptID, _ cluster: borrowing Cluster) -> [Member] {
    guard let slot = cluster.attemptSlot(id) else { return [] }
    let attempt = cluster.attempt(slot)
    let spec = cluster.spec(attempt.jobSlot)
    let slots = cluster.memberSlots(ofAttempt: slot)
    var members: [Member] = []
    for index in 0..<attempt.memberCount {
      guard let node = cluster.node(ofMember: MemberID(attempt: id, index: index)) else { continue }
      members.append(
        Member(
          index: index, node: node.index, nodeName: cluster.nodeDetails[Int(node.index)].joined.name,
          devices: Int(index) < slots.count ? cluster.member(slots[Int(index)]).devices : nil,
          ranks: spec.ranks(ofMember: index)))
    }
    return members
  }
}

extension FleetDevices {
  /// Devices by state of each project's running jobs; by name.
  func projects(_ cluster: borrowing Cluster) -> [(name: String, states: [Int64])] {
    var projects: [String: SIMD8<Int64>] = [:]
    for (job, counts) in jobs {
      guard let slot = cluster.slot(of: JobID(job)) else { continue }
      projects[cluster.spec(slot).project, default: .zero] &+= counts
    }
    return projects.sorted { $0.key < $1.key }
      .map { name, counts in (name, states.indices.map { counts[$0] }) }
  }

  func json(total: Int64, projects: [(name: String, states: [Int64])]) -> JSON {
    func byState(_ counts: [Int64]) -> JSON {
      .object(zip(DeviceState.allCases, counts).map { .init(name: $0.rawValue, value: .int($1)) })
    }
    let used = zip(DeviceSource.allCases, sources).filter { $0.1 > 0 }
    return [
      "devices": .int(total), "measured": .int(states.reduce(0, +)),
      // Of several the one that most nodes have.
      "source": JSON(used.max { $0.1 < $1.1 }?.0.name),
      "sources": .object(used.map { .init(name: $0.0.name, value: .int($0.1)) }), "states": byState(states),
      "meanPowerWatts": .watts(measuredPower > 0 ? watts / Double(measuredPower) : nil),
      "projects": .array(
        projects.map {
          ["project": .string($0.name), "measured": .int($0.states.reduce(0, +)), "states": byState($0.states)]
        }),
    ]
  }
}
