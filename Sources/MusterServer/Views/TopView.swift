import Hummingbird
import MusterCore
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

  /// An attempt's job, before anything is said of it.
  private struct Candidate: Sendable {
    var job: Int64
    var devices: Int64
    var startedAt: Instant
    /// GPU-milliseconds of the window that it held and that were not productive.
    var lost: Int64 = 0
  }

  var limit: Int
  var order: Order
  var windowMilliseconds: Int64

  /// One frame. The writer is asked twice, each time for little: what runs, then the few that are shown.
  func json(_ api: API) async throws -> JSON {
    let (figures, candidates, asked, sequence, now) = try await api.perform(.reads) { (state, now) throws(APIError) in
      (
        state.controller.figures(waiting: 0), Self.candidates(state.controller), Self.asked(state.controller),
        state.controller.cluster.sequence, now
      )
    }
    let from = now.nanoseconds / 1_000_000 - windowMilliseconds
    let sums = try await api.ledger(upTo: sequence, now: now) { ledger, cluster in
      ledger.sums(by: .job, from: from, to: nil, cluster)
    }
    let shown = Array(ordered(candidates, sums).prefix(limit)).map { ($0, sums.row($0.job)) }
    let jobs = try await api.perform(.reads) { (state, _) throws(APIError) in
      shown.map { candidate, row in Self.job(candidate, row, state.controller) }
    }
    return .object(
      Self.fleet(figures, asked: asked, now: now) + [
        .init(name: "from", value: .moment(sums.from)), .init(name: "to", value: .moment(sums.to)),
        .init(name: "capacityGpuMilliseconds", value: .int(sums.capacity)),
        .init(name: "gpuMilliseconds", value: Self.accounts(sums.fleet)),
        .init(name: "goodput", value: Self.share(sums.fleet.goodput)),
        .init(name: "order", value: .string(order.rawValue)),
        .init(name: "top", value: .array(jobs)),
      ])
  }

  private static func candidates(_ controller: borrowing Controller) -> [Candidate] {
    var found: [Candidate] = []
    found.reserveCapacity(controller.cluster.active.count)
    for slot in controller.cluster.active {
      let job = controller.cluster.job(controller.cluster.attempt(slot).jobSlot)
      guard job.latestAttempt == slot, !job.state.isFinal else { continue }
      let devices = controller.cluster.devices(ofJob: controller.cluster.attempt(slot).jobSlot)
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

  private static func job(_ candidate: Candidate, _ row: LedgerRow?, _ controller: borrowing Controller) -> JSON {
    guard let slot = controller.cluster.slot(of: JobID(candidate.job)) else { return .null }
    var members = controller.jobView(slot, reason: "").filter { $0.name != "nodes" }
    let (held, productive) = (row?.held ?? 0, row?.totals[.productive] ?? 0)
    members.append(.init(name: "heldGpuMilliseconds", value: .int(held)))
    members.append(.init(name: "lostGpuMilliseconds", value: .int(held - productive)))
    members.append(.init(name: "gpuMilliseconds", value: row.map(accounts) ?? [:]))
    members.append(.init(name: "goodput", value: share(row?.goodput)))
    return .object(members)
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
    return Response(
      json: try await TopView(limit: Int(limit), order: order, windowMilliseconds: minutes * 60_000).json(self))
  }
}
