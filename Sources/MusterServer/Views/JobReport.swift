import MusterCore
import MusterProtocol

/// Where a job's time went. Held, productive and what was lost are the ledger's of that job, so that it has one goodput
/// wherever it is told; beside them what the ledger does not have: faults, steps, and the time between attempts.
struct JobReport {
  /// From the start of the first attempt to the end; between attempts it holds nothing.
  private(set) var wall = Span.zero
  private(set) var waiting = Span.zero
  /// Of the account `redone`: a fault had happened, and nobody knew of it yet.
  private(set) var detecting = Span.zero
  /// Of the account `unattributed`: after the last step of attempts that ended well.
  private(set) var ending = Span.zero
  /// Of the attempts alone, for a job that holds no devices: of those the ledger keeps nothing.
  private var withoutDevices: [Account: Span] = [:]
  private var faults: [JSON] = []
  private var stepsLost: Int64 = 0
  /// Done in one attempt and again in the next, also where no fault was between them (a controller that was stopped).
  private var stepsAgain: Int64 = 0
  private let job: Job
  private let name: String

  init(_ slot: Int32, of controller: borrowing Controller, now: Instant) {
    job = controller.cluster.job(slot)
    name = controller.cluster.spec(slot).name
    guard job.startedAt != .zero else { return }
    let end = job.state.isFinal ? job.endedAt : now
    wall = end - job.startedAt
    var slots: [Int32] = []
    var next = job.latestAttempt
    while next >= 0 {
      slots.append(next)
      next = controller.cluster.attempt(next).previous
    }
    slots.reverse()
    let saysSteps = slots.contains { controller.attemptTimes($0).firstStepAt != .zero }
    let found = Self.faults(of: job, controller)
    for (i, slot) in slots.enumerated() {
      let following = i + 1 < slots.count ? controller.cluster.attempt(slots[i + 1]) : nil
      let ownFaults = found.filter { $0.fault.attempt.number == controller.cluster.attempt(slot).number }
      var times = controller.attemptTimes(slot)
      times.saysSteps = saysSteps
      times.isHung = ownFaults.contains { Self.hangs.contains($0.fault.cause) }
      account(times, ownFaults, following: following, end: end)
    }
    collect(found, controller, slots)
  }

  /// One attempt's time, from its start to the start of the next one or the end.
  private mutating func account(_ times: AttemptTimes, _ faults: [FaultRecord], following: Attempt?, end: Instant) {
    let stopped = times.endedAt == .zero ? end : times.endedAt
    let kept = min(times.lastStep, following?.resumeStep ?? times.lastKeptStep(checkpointStep: job.checkpointStep))
    stepsAgain += times.lastStep - kept
    let split = AttemptSplit(times, keptStep: kept, until: stopped)
    var pieces = split.accounts(times)
    // What runs is productive until more is known, as in the ledger.
    if times.outcome == nil {
      pieces = [(.starting, times.startedAt, split.began), (.productive, split.began, stopped)]
    }
    for (account, from, to) in pieces {
      withoutDevices[account] = (withoutDevices[account] ?? .zero) + (to - from)
    }
    if times.outcome == .finished { ending = ending + (split.stopping - split.worked) }
    if times.outcome == .jobFault || times.outcome == .nodeFault, !times.isHung, let first = faults.first {
      let known = max(.zero, first.foundAt - first.fault.happenedAt)
      detecting = detecting + min(known, split.stopping - split.kept)
    }
    if times.endedAt != .zero { waiting = waiting + max(Span.zero, (following?.startedAt ?? end) - stopped) }
  }

  private static func rounded(_ seconds: Double) -> JSON { .double((seconds * 1000).rounded() / 1000) }

  private static func mean(_ milliseconds: Int64, _ count: Int32) -> JSON {
    count > 0 ? .seconds(.milliseconds(milliseconds / Int64(count))) : .null
  }

  /// The interval that the job has and the one that it should have; null where something of it is not known.
  private static func checkpoints(_ told: LedgerReport) -> JSON {
    let (figures, advice) = (told.figures, told.figures.advice)
    func seconds(_ value: Double?) -> JSON { value.map { .double(($0 * 1000).rounded() / 1000) } ?? .null }
    return [
      "count": JSON(figures.checkpoints), "intervalSeconds": mean(figures.worked - figures.saving, figures.checkpoints),
      "costSeconds": figures.saving > 0 ? mean(figures.saving, figures.checkpoints) : .null,
      "suggestedIntervalSeconds": seconds(advice?.suggested), "lossShare": seconds(advice?.loss),
      "suggestedLossShare": seconds(advice?.suggestedLoss), "isRight": advice.map { .bool($0.isRight) } ?? .null,
      "gainGpuHoursAWeek": seconds(figures.gainGPUHoursAWeek(heldGPUMilliseconds: told.row?.held ?? 0, told.devices)),
    ]
  }

  private static let hangs: Set<Fault.Cause> = [.hangStopped, .hangBusy, .hangBlocked, .hangUnknown]

  /// In the order in which they were found.
  private static func faults(of job: Job, _ controller: borrowing Controller) -> [FaultRecord] {
    var records: [FaultRecord] = []
    var next = job.latestFault
    while next >= 0 {
      records.append(controller.cluster.fault(next))
      next = controller.cluster.fault(next).previous
    }
    return records.reversed()
  }

  private mutating func collect(_ records: [FaultRecord], _ controller: borrowing Controller, _ attempts: [Int32]) {
    let names = controller.cluster.nodeDetails.map(\.joined.name)
    var lostBy: [Int32: Int64] = [:]
    for record in records {
      let resumed = attempts.map { controller.cluster.attempt($0) }.first {
        $0.number == record.fault.attempt.number + 1
      }
      // What the fault could not know yet: how far ranks had come that were out of reach.
      var fault = record.fault
      let attempt = attempts.map { controller.cluster.attempt($0) }.first { $0.number == fault.attempt.number }
      if let attempt, let resumed { fault.stepsLost = max(fault.stepsLost, attempt.lastStep - resumed.resumeStep) }
      var members = fault.json(names: names).objectValue ?? []
      members.insert(.init(name: "at", value: .time(record.fault.happenedAt)), at: 0)
      members.append(.init(name: "attempt", value: JSON(record.fault.attempt.number)))
      members.append(
        .init(name: "detectedAfterSeconds", value: .seconds(record.foundAt - record.fault.happenedAt)))
      let again = resumed.flatMap { $0.runningAt == .zero ? nil : $0.runningAt - record.fault.happenedAt }
      members.append(.init(name: "resumedAfterSeconds", value: again.map { .seconds($0) } ?? .null))
      // Two faults of one attempt lost the same steps.
      let known = lostBy[record.fault.attempt.number] ?? 0
      stepsLost += max(0, fault.stepsLost - known)
      lostBy[fault.attempt.number] = max(known, fault.stepsLost)
      faults.append(.object(members))
    }
  }

  /// - Parameter told: what the ledger has of the job; nil: it knows no such job.
  func json(_ told: LedgerReport?) -> JSON {
    let figures = told?.figures
    func seconds(_ account: Account) -> Double {
      guard let row = told?.row, let told, told.devices > 0 else { return withoutDevices[account]?.seconds ?? 0 }
      return Double(row.totals[account]) / Double(told.devices) / 1000
    }
    let held = Account.allCases.reduce(0) { $0 + seconds($1) }
    let (redone, unattributed) = (seconds(.redone), seconds(.unattributed))
    let (detecting, ending) = (min(detecting.seconds, redone), min(ending.seconds, unattributed))
    return [
      "id": .int(job.id.number), "name": .string(name), "state": .string("\(job.state)"),
      "wallSeconds": .seconds(wall), "heldSeconds": Self.rounded(held),
      "productiveSeconds": Self.rounded(seconds(.productive)),
      "goodput": held > 0 ? .double((seconds(.productive) / held * 10_000).rounded() / 10_000) : .null,
      "attempts": JSON(job.attempt),
      "stepsLost": .int(max(stepsLost, stepsAgain)), "running": .bool(job.state == .running),
      "lostSeconds": [
        "starting": Self.rounded(seconds(.starting)), "checkpointing": Self.rounded(seconds(.checkpointing)),
        "evaluating": Self.rounded(seconds(.evaluating)), "inputStall": Self.rounded(seconds(.inputStall)),
        "straggling": Self.rounded(seconds(.straggling)), "redone": Self.rounded(redone - detecting),
        "detecting": Self.rounded(detecting), "hung": Self.rounded(seconds(.hung)),
        "preempted": Self.rounded(seconds(.preempted)), "stopping": Self.rounded(seconds(.draining)),
        "waiting": .seconds(waiting), "ending": Self.rounded(ending),
        "unattributed": Self.rounded(unattributed - ending),
      ],
      "faults": .array(faults), "checkpoints": told.map(Self.checkpoints) ?? .null,
      "meanTimeBetweenFailuresSeconds": figures.map { Self.mean($0.worked, $0.faults) } ?? .null,
      "meanTimeToResumeSeconds": figures.map { Self.mean($0.resuming, $0.resumes) } ?? .null,
    ]
  }
}

/// What the ledger has of one job, for its report.
struct LedgerReport: Sendable {
  var figures: LedgerJob
  /// Nil: it has held nothing.
  var row: LedgerRow?
  /// That it held, or holds; 0: none.
  var devices: Int32

  /// Nil: no such job.
  init?(_ id: JobID, _ ledger: borrowing Ledger, _ cluster: borrowing Cluster) {
    guard let figures = ledger.figures(of: id, cluster) else { return nil }
    self.figures = figures
    let sums = ledger.sums(by: .job, from: nil, to: nil, job: id.number, cluster)
    row = sums.row(id.number)
    devices = ledger.shapes(of: id.number)[id.number]?.devices ?? 0
  }
}

extension Controller {
  /// With what ranks have said since, of an attempt that runs.
  func attemptTimes(_ slot: Int32) -> AttemptTimes {
    var times = AttemptTimes(cluster.attempt(slot))
    if times.outcome == nil { (times.lastStep, times.firstStepAt, times.lastStepAt) = steps(slot) }
    return times
  }
}
