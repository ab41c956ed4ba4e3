import Hummingbird
import MusterCore
import MusterInsight
import MusterProtocol

/// What the routes of efficiency need beside the ledger.
struct EfficiencyParts: Sendable {
  var source = EfficiencySource()
  /// Nil: nobody reads counters.
  var devices: JobDevicesSource?
  let warnings = IdleWarnings()
  let worst = WorstWaste()
}

extension API {
  static let wasteRows: Int64 = 500
  /// Jobs that are looked at for one answer: those that held most.
  static let wasteJobs = 5_000

  /// `GET /v1/efficiency`: what holds, and from where.
  func efficiencySettings() -> Response {
    let (source, holds) = (efficiency.source, efficiency.source.current)
    return Response(
      json: [
        "file": JSON(source.path), "defaultsOf": .string(Threshold.standardDate),
        "thresholds": .array(Threshold.allCases.map { Self.json($0, holds.thresholds[$0]) }),
        "prices": .array(
          holds.prices.entries.map { entry in
            [
              "date": .string(entry.date), "currency": .string(entry.currency), "source": .string(entry.source),
              "gpuHour": .object(entry.gpuHour.map { .init(name: $0.type, value: .double($0.price)) }),
            ]
          }),
        "idle": [
          "warnAfterSeconds": holds.idle.warnAfter.map { .double($0) } ?? .null,
          "cancelAfterSeconds": holds.idle.cancelAfter.map { .double($0) } ?? .null,
          "exempt": [
            "projects": .array(holds.idle.exemptProjects.map { .string($0) }),
            "devicesAtLeast": holds.idle.exemptDevicesAtLeast.map { JSON($0) } ?? .null,
          ],
        ],
      ])
  }

  private static func json(_ threshold: Threshold, _ setting: Setting) -> JSON {
    let (suffix, value): (String, JSON) =
      switch threshold.unit {
      case .share: ("", .rounded(setting.value))
      case .time: ("Seconds", .double(setting.value))
      case .memory: ("Bytes", .int(Int64(setting.value)))
      case .gpuHours: ("GpuHours", .double(setting.value))
      }
    return [
      "name": .string(threshold.rawValue), "value\(suffix)": value, "meaning": .string(threshold.meaning),
      "source": .string(setting.source), "isDefault": .bool(setting == threshold.standard),
    ]
  }

  /// `GET /v1/jobs/ID/efficiency`.
  func efficiency(of id: JobID) async throws -> Response {
    let (sequence, now) = try await perform(.reads) { (state, now) throws(APIError) in
      guard state.controller.cluster.slot(of: id) != nil else { throw APIError(.noSuchJob(id)) }
      return (state.controller.cluster.sequence, now)
    }
    let found = try await ledger(upTo: sequence, now: now) { ledger, cluster -> JobBasis in
      ledger.bases(job: id.number, limit: 1, cluster).jobs.first ?? ledger.bare(id, cluster)
    }
    return Response(json: await view(found, day: Self.day(now)).json)
  }

  /// `GET /v1/waste`: findings of all jobs in a stretch of time, worst first.
  func waste(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    let name = query["by"].map(String.init) ?? WasteKey.job.rawValue
    guard let key = WasteKey(rawValue: name) else {
      throw APIError.invalid("by", name, WasteKey.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let (from, to) = try Self.stretch(request)
    let after = try API.number(request, "after", default: 0, in: 0...Int64(Int32.max))
    let limit = try API.number(request, "limit", default: 50, in: 1...API.wasteRows)
    let project = query["project"].map(String.init)
    let (sequence, now) = try await writer.read { ($0.controller.cluster.sequence, $0.now) }
    let (jobs, leftOut) = try await ledger(upTo: sequence, now: now) { ledger, cluster in
      let number = project.map { ledger.number(ofProject: $0) }
      return ledger.bases(project: number, from: from, to: to, limit: API.wasteJobs, cluster)
    }
    var waste = WasteView(by: key)
    for job in jobs { waste.add(await view(job, day: Self.day(now))) }
    return Response(
      json: .object(
        [
          .init(name: "by", value: .string(key.rawValue)), .init(name: "from", value: from.map(JSON.moment) ?? .null),
          .init(name: "to", value: .moment(to ?? now.nanoseconds / 1_000_000)),
          .init(name: "hasPrices", value: .bool(!efficiency.source.current.prices.isEmpty)),
          .init(name: "jobsLeftOut", value: JSON(leftOut)),
        ] + waste.members(after: Int(after), limit: Int(limit))))
  }

  /// `GET /v1/goodput`: scheduling × runtime × program of the fleet, and of each project or day.
  func goodput(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    let name = query["by"].map(String.init) ?? LedgerKey.project.rawValue
    guard let key = LedgerKey(rawValue: name), key == .project || key == .day else {
      throw APIError.invalid("by", name, "project or day")
    }
    let (from, to) = try Self.stretch(request)
    let project = query["project"].map(String.init)
    let (sequence, now) = try await writer.read { ($0.controller.cluster.sequence, $0.now) }
    var basis = try await ledger(upTo: sequence, now: now) { ledger, cluster in
      let number = project.map { ledger.number(ofProject: $0) }
      return GoodputBasis(
        sums: ledger.sums(by: key, from: from, to: to, project: number, cluster), names: ledger.names,
        jobs: ledger.bases(project: number, from: from, to: to, limit: API.wasteJobs, cluster).jobs)
    }
    for i in basis.jobs.indices { basis.jobs[i] = await seen(basis.jobs[i]) }
    return Response(json: Self.json(basis, by: key, project: project))
  }

  /// What goodput is told from.
  private struct GoodputBasis: Sendable {
    var sums: LedgerSums
    var names: [String]
    var jobs: [JobBasis]
  }

  private static func json(_ basis: GoodputBasis, by key: LedgerKey, project: String?) -> JSON {
    let (sums, names) = (basis.sums, basis.names)
    var whole = GoodputFactors(sums.fleet, capacity: project == nil ? sums.capacity : nil)
    var parts = sums.rows.map { GoodputFactors($0, capacity: nil) }
    var place: [String: Int] = [:]
    for (i, row) in sums.rows.enumerated() where key == .project && row.key >= 0 { place[names[Int(row.key)]] = i }
    for job in basis.jobs {
      whole.add(job)
      if let i = place[job.project] { parts[i].add(job) }
    }
    let rows = zip(sums.rows, parts).filter { $0.0.key >= 0 }.map { row, factors in
      let label =
        key == .day ? String(Instant.at(row.key * 86_400_000).rfc3339.prefix(10)) : names[Int(row.key)]
      return json([.init(name: "key", value: .string(label))], row, factors)
    }
    return [
      "by": .string(key.rawValue), "project": JSON(project), "from": .moment(sums.from), "to": .moment(sums.to),
      "capacityGpuMilliseconds": project == nil ? .int(sums.capacity) : .null,
      "whole": json([], sums.fleet, whole), "rows": .array(rows),
    ]
  }

  private static func json(_ first: [JSON.Member], _ row: LedgerRow, _ factors: GoodputFactors) -> JSON {
    .object(
      first + [
        .init(name: "heldGpuMilliseconds", value: .int(row.held)),
        .init(
          name: "gpuMilliseconds",
          value: .object(Account.allCases.map { .init(name: $0.name, value: .int(row.totals[$0])) })),
      ] + factors.members)
  }

  // MARK: Parts

  private func view(_ basis: JobBasis, day: String) async -> EfficiencyView {
    EfficiencyView(
      basis: await seen(basis), efficiency: efficiency.source.current, day: day,
      warning: await efficiency.warnings.warning(of: JobID(basis.id)))
  }

  /// With what counters and the declared model say.
  private func seen(_ basis: JobBasis) async -> JobBasis {
    var basis = basis
    basis.evidence.devices = await efficiency.devices?(JobID(basis.id))
    guard basis.hasModel else { return basis }
    let id = JobID(basis.id)
    // A writer that does not answer costs this one figure.
    let work = try? await writer.read { StepWork(id, $0.controller) }
    basis.evidence.declaredMFU = work?.mfu(basis.evidence, notStepping: basis.notStepping)
    return basis
  }

  private static func day(_ now: Instant) -> String { String(now.rfc3339.prefix(10)) }

  /// Milliseconds since 1970.
  private static func stretch(_ request: Request) throws(APIError) -> (from: Int64?, to: Int64?) {
    let (from, to) = (try moment(request, "from"), try moment(request, "to"))
    if let from, let to, to <= from {
      throw .invalid("to", String(request.uri.queryParameters["to"] ?? ""), "a moment after from")
    }
    return (from.map { $0.nanoseconds / 1_000_000 }, to.map { $0.nanoseconds / 1_000_000 })
  }
}

extension Ledger {
  /// In `names`; -1, which no job has, for a name that was never heard.
  func number(ofProject name: String) -> Int32 { Int32(names.firstIndex(of: name) ?? -1) }

  /// A job that has held nothing yet.
  fileprivate func bare(_ id: JobID, _ cluster: borrowing Cluster) -> JobBasis {
    var basis = JobBasis(id: id.number, name: "", project: "", user: "", state: nil)
    guard let slot = cluster.slot(of: id) else { return basis }
    let spec = cluster.spec(slot)
    (basis.name, basis.project, basis.user) = (spec.name, spec.project, spec.user)
    basis.state = cluster.job(slot).state
    return basis
  }
}
