import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol

/// What the ledger and the state know of a job in a stretch of time: what is left to ask is what its devices did.
struct JobBasis: Sendable {
  var id: Int64
  var name: String
  var project: String
  var user: String
  /// Nil: it has left for the archive.
  var state: JobState?
  var totals = AccountTotals()
  var goodput: Double?
  var evidence = JobEvidence()
  /// It declares its model: its steps can be counted in FLOPs.
  var hasModel = false
  /// Seconds in which its ranks said that they saved or evaluated.
  var notStepping = 0.0
}

extension Ledger {
  /// Jobs that held devices, those that held most first.
  /// - Parameters:
  ///   - job: of this job alone.
  ///   - project: of its jobs alone; in `names`.
  func bases(
    job: Int64? = nil, project: Int32? = nil, from: Int64? = nil, to: Int64? = nil, limit: Int,
    _ cluster: borrowing Cluster
  ) -> (jobs: [JobBasis], leftOut: Int) {
    let sums = sums(by: .job, from: from, to: to, project: project, job: job, cluster)
    let isPart = from != nil || to != nil
    var found = bases(
      of: sums.rows, isPart: isPart, isWhole: job == nil && project == nil && !isPart, job: job, limit: limit, cluster)
    for i in found.jobs.indices where isPart {
      let job = found.jobs[i].id
      found.jobs[i].evidence.isPart = isCut(job, from: from ?? 0, to: to ?? now, cluster)
      found.jobs[i].evidence.heldInRun = Int64(found.jobs[i].evidence.devicesAsked) * lasted(job, cluster)
    }
    return found
  }

  /// Whether a job ran before or after a stretch of time, too. Milliseconds since 1970.
  func isCut(_ job: Int64, from: Int64, to: Int64, _ cluster: borrowing Cluster) -> Bool {
    guard let slot = cluster.slot(of: JobID(job)) else { return true }
    let (begin, end) = (cluster.job(slot).startedAt, cluster.job(slot).endedAt)
    return begin < Instant.at(from) || (end == .zero ? Instant.at(now) : end) > Instant.at(to)
  }

  /// Milliseconds from a job's first start to its end, or to now.
  private func lasted(_ job: Int64, _ cluster: borrowing Cluster) -> Int64 {
    guard let slot = cluster.slot(of: JobID(job)), cluster.job(slot).startedAt != .zero else { return 0 }
    let end = cluster.job(slot).endedAt == .zero ? Instant.at(now) : cluster.job(slot).endedAt
    return max(0, (end - cluster.job(slot).startedAt).milliseconds)
  }

  /// - Parameters:
  ///   - rows: of jobs, as `sums(by: .job)` has them; of those that it does not tell apart nothing can be said.
  ///   - isPart: of a stretch of time.
  ///   - isWhole: of all jobs, for all time.
  ///   - job: the only one that the rows are of.
  func bases(
    of rows: [LedgerRow], isPart: Bool, isWhole: Bool, job: Int64? = nil, limit: Int, _ cluster: borrowing Cluster
  ) -> (jobs: [JobBasis], leftOut: Int) {
    let order = Self.mostHeld(rows)
    guard let first = order.first else { return ([], 0) }
    let shapes = shapes(of: job)
    let held =
      isWhole && rows.allSatisfy({ $0.key != LedgerRow.olderJobs })
      ? heldByUser(rows) : heldByUser(cluster, of: job == nil ? nil : self.jobs[Int(rows[first].key) - 1].user)
    var jobs: [JobBasis] = []
    jobs.reserveCapacity(min(limit, order.count))
    for place in order.prefix(limit) {
      let row = rows[place]
      guard let shape = shapes[row.key] else { continue }
      var basis = basis(row, shape, heldByUser: held[Int(self.jobs[Int(row.key) - 1].user)], cluster)
      // A part of a run says nothing of its walltime.
      if isPart { basis.evidence.walltimeAsked = nil }
      jobs.append(basis)
    }
    return (jobs, order.count - jobs.count)
  }

  /// Rows of jobs by their projects, as `sums(by: .project)` has them: nothing is added up a second time. Nil: not all
  /// jobs are told apart.
  func byProject(_ byJob: LedgerSums) -> LedgerSums? {
    guard byJob.row(LedgerRow.olderJobs) == nil else { return nil }
    var rows = [LedgerRow?](repeating: nil, count: names.count + 1)
    for row in byJob.rows {
      let project = row.key < 1 ? -1 : Int64(jobs[Int(row.key) - 1].project)
      guard var sum = rows[Int(project) + 1] else {
        rows[Int(project) + 1] = row
        rows[Int(project) + 1]?.key = project
        continue
      }
      sum.totals += row.totals
      sum.held += row.held
      sum.provisional += row.provisional
      rows[Int(project) + 1] = sum
    }
    var sums = byJob
    sums.rows = rows.compactMap { $0 }
    return sums
  }

  /// From what all jobs have held in all time, beside `names`: nothing is added up a second time.
  private func heldByUser(_ rows: [LedgerRow]) -> [Int64] {
    var held = [Int64](repeating: 0, count: names.count)
    for row in rows where row.key >= 1 { held[Int(jobs[Int(row.key) - 1].user)] += row.held }
    return held
  }

  /// Of several types what they are called together.
  func type(of shape: LedgerShape) -> String {
    shape.parts.isEmpty ? types[Int(shape.type)] : DevicePart.together(shape.parts.map { types[Int($0.type)] })
  }

  private func basis(
    _ row: LedgerRow, _ shape: LedgerShape, heldByUser: Int64, _ cluster: borrowing Cluster
  ) -> JobBasis {
    let id = JobID(row.key)
    let figures = figures(of: id, cluster) ?? jobs[Int(row.key) - 1]
    var basis = JobBasis(
      id: row.key, name: "", project: names[Int(figures.project)], user: names[Int(figures.user)], totals: row.totals,
      goodput: row.goodput)
    var evidence = JobEvidence()
    evidence.devicesAsked = Int(shape.devices)
    evidence.seconds = Double(row.held) / 1000 / Double(max(1, shape.devices))
    evidence.deviceType = type(of: shape)
    evidence.parts = shape.parts.map { .init(deviceType: types[Int($0.type)], devices: Int($0.devices)) }
    evidence.accounts.held = row.held
    evidence.accounts.productive = row.totals[.productive]
    evidence.accounts.starting = row.totals[.starting]
    evidence.accounts.redone = row.totals[.redone]
    evidence.accounts.hung = row.totals[.hung]
    evidence.accounts.inputStall = row.totals[.inputStall]
    evidence.accounts.straggling = row.totals[.straggling]
    if figures.slowRank >= 0 { evidence.slowRank = Int(figures.slowRank) }
    evidence.faults = Int(figures.faults)
    evidence.checkpointCount = Int(figures.checkpoints)
    if figures.faults > 0 {
      evidence.meanTimeBetweenFailures = Double(figures.worked) / 1000 / Double(figures.faults)
    }
    evidence.checkpoints = figures.advice.map {
      .init(
        interval: $0.interval, suggested: $0.suggested, loss: $0.loss, suggestedLoss: $0.suggestedLoss,
        isRight: $0.isRight,
        gainGPUHoursAWeek: figures.gainGPUHoursAWeek(heldGPUMilliseconds: row.held, shape.devices) ?? 0)
    }
    evidence.userGPUHours = Double(heldByUser) / 3_600_000
    if let slot = cluster.slot(of: id) {
      let spec = cluster.spec(slot)
      if let rank = evidence.slowRank.map(Int32.init) {
        let attempt = AttemptID(job: id, number: figures.slowAttempt)
        evidence.slowNode = cluster.node(ofMember: MemberID(attempt: attempt, index: spec.member(ofRank: rank)))
          .map { cluster.nodeDetails[Int($0.index)].joined.name }
      }
      basis.name = spec.name
      basis.state = cluster.job(slot).state
      basis.hasModel = spec.model != nil
      evidence.precision = spec.model?.precision.name
      evidence.walltimeAsked = spec.walltime?.seconds
      evidence.hasCompleted = basis.state == .completed
    }
    basis.notStepping = Self.notStepping(
      figures, evaluating: row.totals[.evaluating], devices: Int64(shape.devices))
    basis.evidence = evidence
    return basis
  }
}

/// What the devices of some jobs did; a job of which nobody knows is not in it. Where it comes from is the telemetry's.
typealias JobDevicesSource = @Sendable ([JobID]) async -> [JobID: JobDevices]
