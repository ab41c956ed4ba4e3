import MusterCore
import MusterProtocol

/// Where a job's time went. Held: from the start of the first attempt to the end, gaps included, queue excluded.
/// Productive: time between steps that counted in the end; goodput is productive over held.
struct JobReport {
  private(set) var held = Span.zero
  private(set) var productive = Span.zero
  /// Seconds by what they were lost to; with `productive` they add up to `held`.
  private(set) var starting = Span.zero
  private(set) var redone = Span.zero
  private(set) var detecting = Span.zero
  private(set) var stopping = Span.zero
  private(set) var waiting = Span.zero
  private(set) var ending = Span.zero
  private var faults: [JSON] = []
  private var stepsLost: Int64 = 0
  /// Done in one attempt and again in the next, also where no fault was between them (a controller that was stopped).
  private var stepsAgain: Int64 = 0
  private let job: Job
  private let name: String
  private let isRunning: Bool

  init(_ slot: Int32, of controller: borrowing Controller, now: Instant) {
    job = controller.cluster.job(slot)
    name = controller.cluster.spec(slot).name
    isRunning = !job.state.isFinal
    guard job.startedAt != .zero else { return }
    let end = isRunning ? now : job.endedAt
    held = end - job.startedAt
    var slots: [Int32] = []
    var next = job.latestAttempt
    while next >= 0 {
      slots.append(next)
      next = controller.cluster.attempt(next).previous
    }
    slots.reverse()
    let saysSteps = slots.contains { controller.attemptTimes($0).firstStepAt != .zero }
    for (i, slot) in slots.enumerated() {
      let following = i + 1 < slots.count ? controller.cluster.attempt(slots[i + 1]) : nil
      var times = controller.attemptTimes(slot)
      times.saysSteps = saysSteps
      account(times, following: following, end: end)
    }
    collectFaults(controller, slots)
  }

  /// One attempt's time, from its start to the start of the next one or the end.
  private mutating func account(_ times: AttemptTimes, following: Attempt?, end: Instant) {
    let stopped = times.endedAt == .zero ? end : times.endedAt
    let kept = min(times.lastStep, following?.resumeStep ?? times.lastKeptStep(checkpointStep: job.checkpointStep))
    stepsAgain += times.lastStep - kept
    let split = AttemptSplit(times, keptStep: kept, until: stopped)
    starting = starting + (split.began - times.startedAt)
    productive = productive + (split.kept - split.began)
    redone = redone + (split.worked - split.kept)
    let tail = split.stopping - split.worked
    if times.outcome == .finished || times.outcome == nil {
      ending = ending + tail
    } else {
      detecting = detecting + tail
    }
    stopping = stopping + (split.until - split.stopping)
    if times.endedAt != .zero { waiting = waiting + max(Span.zero, (following?.startedAt ?? end) - stopped) }
  }

  private mutating func collectFaults(_ controller: borrowing Controller, _ attempts: [Int32]) {
    var slots: [Int32] = []
    var next = job.latestFault
    while next >= 0 {
      slots.append(next)
      next = controller.cluster.fault(next).previous
    }
    let names = controller.cluster.nodeDetails.map(\.joined.name)
    var lostBy: [Int32: Int64] = [:]
    for slot in slots.reversed() {
      let record = controller.cluster.fault(slot)
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

  var json: JSON {
    let share = held > .zero ? (productive.seconds / held.seconds * 10_000).rounded() / 10_000 : 0
    return [
      "id": .int(job.id.number), "name": .string(name), "state": .string("\(job.state)"),
      "wallSeconds": .seconds(held), "heldSeconds": .seconds(held), "productiveSeconds": .seconds(productive),
      "goodput": held > .zero ? .double(share) : .null, "attempts": JSON(job.attempt),
      "stepsLost": .int(max(stepsLost, stepsAgain)), "running": .bool(job.state == .running),
      "lostSeconds": [
        "starting": .seconds(starting), "redone": .seconds(redone), "detecting": .seconds(detecting),
        "stopping": .seconds(stopping), "waiting": .seconds(waiting), "ending": .seconds(ending),
      ],
      "faults": .array(faults),
    ]
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
