import Hummingbird
import MusterCore
import MusterDevices
import MusterProtocol

/// What `muster top` shows: the fleet now, where its GPU time of the last minutes went, and the jobs that stand out.
struct TopView {
  enum Order: String, CaseIterable {
    /// Most devices first.
    case gpus
    /// Most GPU time of the window that was not productive first.
    case lost
    /// Those that have run longest first.
    case time
  }

  /// A job that runs, before anything is said of it: there may be one for each node.
  private struct Candidate: Sendable {
    var job: Int64
    var devices: Int64
    var startedAt: Instant
    /// GPU-milliseconds of the window that it held and that were not productive.
    var lost: Int64 = 0
  }

  /// What the writer has of the fleet now.
  private struct Running: Sendable {
    var figures: Figures
    var jobs: [Candidate]
    /// Devices that waiting jobs ask for.
    var asked: Int64
    var sequence: Int64
    var now: Instant
  }

  private struct Accounted: Sendable {
    var sums: LedgerSums
    var jobs: [TopJob]
  }

  /// What the writer has of one job.
  private struct Told: Sendable {
    var members: [JSON.Member]
    /// Nil: it declares no model, or has said no step.
    var work: StepWork?

    init(_ job: TopJob, _ controller: borrowing Controller) {
      members = TopView.members(job, controller)
      work = job.precision == nil ? nil : StepWork(JobID(job.job), controller)
    }
  }

  var limit: Int
  var order: Order
  var windowMilliseconds: Int64
  /// Of its jobs alone; nil: of all.
  var project: String?

  /// One frame. The writer is asked twice, each time for little: what runs, then the few that are shown.
  func json(_ api: API) async throws -> JSON {
    let fleet = try await api.perform(.reads) { (state, now) throws(APIError) -> Running in
      Running(
        figures: state.controller.figures(waiting: 0), jobs: running(state.controller),
        asked: Self.asked(state.controller),
        sequence: state.controller.cluster.sequence, now: now)
    }
    let found = try await api.checkedLedger(upTo: fleet.sequence, now: fleet.now) {
      ledger, cluster throws(APIError) in try accounted(fleet, ledger, cluster)
    }
    let seen = await api.telemetry.seen(of: found.jobs.map { $0.job })
    let told = try await api.perform(.reads) { (state, _) throws(APIError) -> [Told] in
      found.jobs.map { Told($0, state.controller) }
    }
    let worst = project == nil ? try await api.worstWaste(upTo: fleet.sequence, now: fleet.now) : .null
    let jobs = zip(found.jobs, told).map { job, told -> JSON in
      told.members.isEmpty ? .null : .object(told.members + job.members(seen[job.job], told.work))
    }
    return json(fleet, found.sums, jobs, worst)
  }

  private func json(_ fleet: Running, _ sums: LedgerSums, _ jobs: [JSON], _ worst: JSON) -> JSON {
    .object(
      Self.fleet(fleet.figures, asked: fleet.asked, now: fleet.now) + [
        .init(name: "from", value: .moment(sums.from)), .init(name: "to", value: .moment(sums.to)),
        .init(name: "project", value: JSON(project)),
        .init(name: "capacityGpuMilliseconds", value: project == nil ? .int(sums.capacity) : .null),
        .init(name: "gpuMilliseconds", value: Self.accounts(sums.fleet)),
        .init(name: "goodput", value: Self.share(sums.fleet.goodput)),
        .init(name: "order", value: .string(order.rawValue)),
        .init(name: "top", value: .array(jobs)), .init(name: "worstWaste", value: worst),
      ])
  }

  private func running(_ controller: borrowing Controller) -> [Candidate] {
    var found: [Candidate] = []
    found.reserveCapacity(controller.cluster.active.count)
    for slot in controller.cluster.active {
      let job = controller.cluster.job(controller.cluster.attempt(slot).jobSlot)
      guard job.latestAttempt == slot, !job.state.isFinal, let spec = controller.cluster.slot(of: job.id),
        project == nil || controller.cluster.spec(spec).project == project
      else { continue }
      let devices = controller.cluster.devices(ofJob: spec)
      found.append(Candidate(job: job.id.number, devices: Int64(devices), startedAt: job.startedAt))
    }
    return found
  }

  /// Devices that waiting jobs ask for; of the first `Figures.waitingLimit` of them.
  private static func asked(_ controller: borrowing Controller) -> Int64 {
    var devices: Int64 = 0
    for slot in controller.cluster.pending.prefix(Figures.waitingLimit) {
      devices += Int64(controller.cluster.devices(ofJob: slot))
    }
    return devices
  }

  /// What the ledger has of all, and of each of the first in the order.
  private func accounted(
    _ fleet: Running, _ ledger: borrowing Ledger, _ cluster: borrowing Cluster
  ) throws(APIError) -> Accounted {
    let from = fleet.now.nanoseconds / 1_000_000 - windowMilliseconds
    let number = try ledger.number(ofProject: project, cluster)
    let sums = ledger.sums(by: .job, from: from, to: nil, project: number, cluster)
    var shown = ordered(fleet.jobs, sums).prefix(limit).map { TopJob(job: $0.job, devices: $0.devices) }
    for i in shown.indices {
      shown[i].row = sums.row(shown[i].job)
      guard let slot = cluster.slot(of: JobID(shown[i].job)) else { continue }
      shown[i].precision = cluster.spec(slot).model?.precision.name
      let attempt = cluster.job(slot).latestAttempt
      guard attempt >= 0 else { continue }
      // Only roles may have nodes of several types.
      let members = cluster.memberSlots(ofAttempt: attempt)
      let types = members.prefix(cluster.spec(slot).hasRoles ? members.count : 1).map {
        cluster.nodeDetails[Int(cluster.member($0).node)].joined.deviceType
      }
      shown[i].deviceType = DevicePart.together(types.filter { !$0.isEmpty })
    }
    let evaluating = ledger.held(
      in: .evaluating, by: Set(shown.filter { $0.precision != nil }.map { $0.job }), cluster)
    for i in shown.indices where shown[i].precision != nil {
      shown[i].notStepping = Ledger.notStepping(
        ledger.figures(of: JobID(shown[i].job), cluster), evaluating: evaluating[shown[i].job] ?? 0,
        devices: shown[i].devices)
    }
    return Accounted(sums: sums, jobs: shown)
  }

  private func ordered(_ candidates: [Candidate], _ sums: LedgerSums) -> [Candidate] {
    var candidates = candidates
    if order == .lost {
      for i in candidates.indices {
        candidates[i].lost = sums.row(candidates[i].job).map { $0.held - $0.totals[.productive] } ?? 0
      }
    }
    return candidates.sorted { a, b in
      switch order {
      case .gpus: (b.devices, a.job) < (a.devices, b.job)
      case .lost: (b.lost, a.job) < (a.lost, b.job)
      case .time: (a.startedAt, a.job) < (b.startedAt, b.job)
      }
    }
  }

  /// None of a job that is no longer known.
  private static func members(_ job: TopJob, _ controller: borrowing Controller) -> [JSON.Member] {
    guard let slot = controller.cluster.slot(of: JobID(job.job)) else { return [] }
    var members = controller.jobView(slot, reason: "").filter { $0.name != "nodes" }
    let (held, productive) = (job.row?.held ?? 0, job.row?.totals[.productive] ?? 0)
    members.append(.init(name: "heldGpuMilliseconds", value: .int(held)))
    members.append(.init(name: "lostGpuMilliseconds", value: .int(held - productive)))
    members.append(.init(name: "gpuMilliseconds", value: job.row.map(accounts) ?? [:]))
    members.append(.init(name: "goodput", value: share(job.row?.goodput)))
    return members
  }

  private static func fleet(_ figures: Figures, asked: Int64, now: Instant) -> [JSON.Member] {
    let states = NodeState.allCases.map { state in
      JSON.Member(name: "\(state)", value: .int(figures.nodes[Int(state.rawValue)]))
    }
    let devices = zip(Figures.DeviceUse.allCases, figures.devices).map {
      JSON.Member(name: $0.rawValue, value: .int($1))
    }
    let jobs = [JobState.pending, .starting, .running, .stopping].map { state in
      JSON.Member(name: "\(state)", value: .int(figures.jobs[Int(state.rawValue)]))
    }
    return [
      .init(name: "at", value: .time(now)), .init(name: "nodes", value: .object(states)),
      .init(name: "devices", value: .object(devices)), .init(name: "jobs", value: .object(jobs)),
      .init(name: "pendingDevices", value: .int(asked)),
    ]
  }

  /// Those that there is something in.
  private static func accounts(_ row: LedgerRow) -> JSON {
    .object(
      Account.allCases.filter { row.totals[$0] != 0 }.map { .init(name: $0.name, value: .int(row.totals[$0])) })
  }

  private static func share(_ share: Double?) -> JSON {
    share.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null
  }
}

extension API {
  private static let topRows: Int64 = 500

  /// `GET /v1/top`: one frame of `muster top`.
  func top(_ request: Request) async throws -> Response {
    let limit = try API.number(request, "limit", default: 50, in: 1...Self.topRows)
    let minutes = try API.number(request, "minutes", default: 15, in: 1...10_080)
    let name = request.uri.queryParameters["order"].map(String.init) ?? TopView.Order.gpus.rawValue
    guard let order = TopView.Order(rawValue: name) else {
      throw APIError.invalid("order", name, TopView.Order.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let view = TopView(
      limit: Int(limit), order: order, windowMilliseconds: minutes * 60_000,
      project: request.uri.queryParameters["project"].map(String.init))
    return Response(json: try await view.json(self))
  }
}
