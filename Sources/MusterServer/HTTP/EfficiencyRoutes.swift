import Hummingbird
import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol

/// What the routes of efficiency need beside the ledger.
struct EfficiencyParts: Sendable {
  var source = EfficiencySource()
  /// Nil: nobody reads counters.
  var devices: JobDevicesSource?
  /// What the devices of a job did together in a part of its run, by the minute. Milliseconds since 1970.
  var partOfRun: (@Sendable (JobID, Range<Int64>) async -> DeviceInterval?)?
  let warnings = IdleWarnings()
  let worst = WorstWaste()
  let desk = AnswerDesk()
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
    let known = try await perform(.reads) { (state, now) throws(APIError) in
      guard state.controller.cluster.slot(of: id) != nil else { throw APIError(.noSuchJob(id)) }
      return KnownMoment(sequence: state.controller.cluster.sequence, now: now)
    }
    let found = try await ledger(upTo: known.sequence, now: known.now) { ledger, cluster -> JobBasis in
      ledger.bases(job: id.number, limit: 1, cluster).jobs.first ?? ledger.bare(id, cluster)
    }
    let beside = await beside([id], models: found.hasModel ? [id] : [])
    return Response(json: beside.view(found, efficiency.source.current, day: Self.day(known.now)).json)
  }

  /// `GET /v1/waste`: findings of all jobs in a stretch of time, worst first.
  func waste(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    let name = query["by"].map(String.init) ?? WasteKey.job.rawValue
    guard let key = WasteKey(rawValue: name) else {
      throw APIError.invalid("by", name, WasteKey.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let asked = try AskedStretch(request)
    let after = try API.number(request, "after", default: 0, in: 0...Int64(Int32.max))
    let limit = try API.number(request, "limit", default: 50, in: 1...API.wasteRows)
    let known = try await moment()
    let basis = try await checkedLedger(upTo: known.sequence, now: known.now) { ledger, cluster throws(APIError) in
      try asked.check(ledger, now: known.now)
      let number = try ledger.number(ofProject: asked.project, cluster)
      let found = ledger.bases(project: number, from: asked.from, to: asked.to, limit: API.wasteJobs, cluster)
      let now = known.now.nanoseconds / 1_000_000
      return WasteBasis(
        jobs: found.jobs, leftOut: found.leftOut, from: asked.from, to: min(asked.to ?? now, now),
        day: Self.day(known.now))
    }
    // By their places: a copy of each would be most of the work.
    let beside = await beside(
      basis.jobs.indices.map { JobID(basis.jobs[$0].id) },
      models: basis.jobs.indices.filter { basis.jobs[$0].hasModel }.map { JobID(basis.jobs[$0].id) },
      cut: basis.jobs.indices.lazy.filter { basis.jobs[$0].evidence.isPart }.map { JobID(basis.jobs[$0].id) },
      to: (asked.from ?? 0)..<max(asked.from ?? 0, basis.to))
    let holds = efficiency.source.current
    return await efficiency.desk.make {
      Response(json: basis.json(by: key, beside, holds, after: Int(after), limit: Int(limit)))
    }
  }

  /// `GET /v1/goodput`: scheduling × runtime × program of the fleet, and of each project or day.
  func goodput(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    let name = query["by"].map(String.init) ?? LedgerKey.project.rawValue
    guard let key = LedgerKey(rawValue: name), key == .project || key == .day else {
      throw APIError.invalid("by", name, "project or day")
    }
    let asked = try AskedStretch(request)
    let (from, to) = (asked.from, asked.to)
    let known = try await moment()
    let basis = try await checkedLedger(upTo: known.sequence, now: known.now) { ledger, cluster throws(APIError) in
      try asked.check(ledger, now: known.now)
      let number = try ledger.number(ofProject: asked.project, cluster)
      let byJob = ledger.sums(by: .job, from: from, to: to, project: number, cluster)
      let known = key == .project ? ledger.byProject(byJob) : nil
      let sums = known ?? ledger.sums(by: key, from: from, to: to, project: number, cluster)
      return GoodputBasis(
        sums: sums, names: ledger.names,
        jobs: ledger.mfuBases(of: byJob.rows, from: from, to: to, limit: API.wasteJobs, cluster))
    }
    let beside = await beside(
      basis.jobs.map { JobID($0.id) }, models: basis.jobs.filter { $0.precision != nil }.map { JobID($0.id) },
      cut: basis.jobs.lazy.filter { $0.isCut }.map { JobID($0.id) },
      to: (from ?? 0)..<max(from ?? 0, to ?? known.now.nanoseconds / 1_000_000))
    return await efficiency.desk.make { Response(json: basis.json(by: key, project: asked.project, beside)) }
  }

  // MARK: Parts

  /// All that is asked for beside the ledger: each place once, whatever the number of jobs.
  /// - Parameters:
  ///   - models: those of the jobs that declare their model.
  ///   - cut: those that ran before or after the stretch of time, too.
  ///   - stretch: milliseconds since 1970.
  private func beside(
    _ jobs: [JobID], models: [JobID], cut: some Sequence<JobID> = [], to stretch: Range<Int64> = 0..<0
  ) async -> BesideLedger {
    var beside = BesideLedger(devices: await efficiency.devices?(jobs) ?? [:])
    await lookUp(cut, to: stretch, &beside)
    beside.works = await works(of: models)
    beside.warnings = await efficiency.warnings.all
    return beside
  }

  /// Jobs whose counters are looked up for a part of their run: minutes on disk are read for each, and an answer about
  /// thousands of jobs has no time for that. The others are told over their whole run.
  private static let cutJobs = 16
  private static let cutMinutes: Int64 = 20_000

  /// Counters of the first of these jobs, for just that stretch of time. Milliseconds since 1970.
  func lookUp(_ cut: some Sequence<JobID>, to stretch: Range<Int64>, _ beside: inout BesideLedger) async {
    guard let partOfRun = efficiency.partOfRun else { return }
    var minutes: Int64 = 0
    for job in cut.prefix(Self.cutJobs) {
      guard let devices = beside.devices[job] else { continue }
      let range = stretch.clamped(to: devices.from..<max(devices.from, devices.to))
      minutes += (range.upperBound - range.lowerBound) / RollupLevel.jobs.step
      guard minutes <= Self.cutMinutes else { return }
      beside.devices[job] = devices.over(await partOfRun(job, range) ?? DeviceInterval())
      beside.parts.insert(job)
    }
  }

  /// Jobs that the writer is asked about at once: it walks through the attempts of each.
  private static let worksAtOnce = 128

  /// Steps that ranks have said: only the writer knows the newest.
  private func works(of jobs: [JobID]) async -> [JobID: StepWork] {
    var works: [JobID: StepWork] = [:]
    for first in stride(from: 0, to: jobs.count, by: Self.worksAtOnce) {
      let asked = Array(jobs[first..<min(jobs.count, first + Self.worksAtOnce)])
      // A writer that does not answer costs this one figure.
      let slice = try? await writer.read { state in asked.map { StepWork($0, state.controller) } }
      for (job, work) in zip(asked, slice ?? []) { works[job] = work }
    }
    return works
  }

  /// Up to where an answer goes.
  private struct KnownMoment: Sendable {
    var sequence: Int64
    var now: Instant
  }

  private func moment() async throws -> KnownMoment {
    try await writer.read { KnownMoment(sequence: $0.controller.cluster.sequence, now: $0.now) }
  }

  private static func day(_ now: Instant) -> String { String(now.rfc3339.prefix(10)) }
}

extension Ledger {
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
