public import MusterCore

/// Recounts from facts alone what must hold. Shares no bookkeeping with the core.
public struct Auditor: Sendable {
  public struct Violation: Error, CustomStringConvertible, Sendable {
    public var description: String
  }
  private struct Gang {
    var places: [Place]
    var stopped: Set<Int32> = []
    var ended = false
  }
  private var owner: [Int64: AttemptID] = [:]
  private var specs: [Int64: JobSpec] = [:]
  private var gangs: [AttemptID: Gang] = [:]
  private var attempts: [Int64: Int32] = [:]
  private var ended: Set<Int64> = []
  private var devices: [Int32] = []
  private var suspects: Set<Int32> = []
  private var hadCheckpoint: Set<Int64> = []
  private var epoch: Int64 = 0
  private var lastJob: Int64 = 0
  private var lastAt: Instant = .zero
  public private(set) var seen: [String: Int] = [:]

  public init() {}

  public mutating func check(_ fact: Fact) throws(Violation) {
    seen[fact.event.name, default: 0] += 1
    guard fact.at >= lastAt else { throw Violation(description: "time went back") }
    lastAt = fact.at
    switch fact.event {
    case .controllerStarted(let new):
      guard new == epoch + 1 else { throw Violation(description: "epoch \(new) after \(epoch)") }
      epoch = new
    case .nodeJoined(let joined): devices.append(joined.devices)
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _): suspects.insert(node.index)
    case .nodeCleared(let node), .nodeResumed(let node): suspects.remove(node.index)
    case .jobSubmitted(let submitted):
      guard submitted.job.number == lastJob + 1 else {
        throw Violation(description: "job \(submitted.job) after \(lastJob)")
      }
      lastJob += 1
      specs[lastJob] = submitted.spec
    case .attemptStarted(let started): try start(started)
    case .checkpointCommitted(let attempt, _):
      guard attempts[attempt.job.number] == attempt.number else {
        throw Violation(description: "checkpoint of old attempt \(attempt)")
      }
      hadCheckpoint.insert(attempt.job.number)
    case .memberStopped(let member, _): try stop(member)
    case .attemptEnded(let end):
      gangs[end.attempt]?.ended = true
      try checkFence(end.attempt)
    case .jobEnded(let end):
      guard ended.insert(end.job.number).inserted else { throw Violation(description: "job \(end.job) ended twice") }
    case .nodeReturned, .nodeDrainRequested, .nodeFenced, .joinTokenCreated, .joinTokensForgotten, .nodeRevoked,
      .jobCancelRequested, .gangStarted, .faultFound,
      .attemptEnding, .keysForgotten, .silenceWithheld, .jobArchived:
      break
    }
  }

  private static func key(_ node: Int32, _ device: Int) -> Int64 { Int64(node) << 8 | Int64(device) }

  private mutating func start(_ started: AttemptStarted) throws(Violation) {
    let job = started.attempt.job.number
    guard let spec = specs[job], !ended.contains(job) else {
      throw Violation(description: "attempt \(started.attempt) of a job that is not there or has ended")
    }
    guard started.attempt.number == (attempts[job] ?? 0) + 1 else {
      throw Violation(description: "attempt \(started.attempt) after number \(attempts[job] ?? 0)")
    }
    if let last = attempts[job], gangs[AttemptID(job: started.attempt.job, number: last)]?.ended != true {
      throw Violation(description: "attempt \(started.attempt) while the one before had not ended")
    }
    attempts[job] = started.attempt.number
    guard started.places.count == Int(spec.role.nodes), Set(started.places.map(\.node)).count == started.places.count
    else {
      throw Violation(description: "gang \(started.attempt) is partly placed")
    }
    for place in started.places {
      guard place.devices.nonzeroBitCount == Int(spec.role.devicesPerNode) else {
        throw Violation(description: "gang \(started.attempt) has another number of devices on \(place.node)")
      }
      guard !suspects.contains(place.node.index) else {
        throw Violation(description: "gang \(started.attempt) was placed on a suspect node \(place.node)")
      }
      for device in 0..<64 where place.devices & (1 << UInt64(device)) != 0 {
        guard device < devices[Int(place.node.index)] else {
          throw Violation(description: "device \(device) of \(place.node) does not exist")
        }
        if let other = owner.updateValue(started.attempt, forKey: Self.key(place.node.index, device)) {
          throw Violation(description: "device \(device) of \(place.node) given to \(started.attempt) and \(other)")
        }
      }
    }
    gangs[started.attempt] = Gang(places: started.places)
  }

  private mutating func stop(_ member: MemberID) throws(Violation) {
    guard let gang = gangs[member.attempt], gangs[member.attempt]?.stopped.insert(member.index).inserted == true else {
      throw Violation(description: "member \(member) stopped twice or never was")
    }
    let place = gang.places[Int(member.index)]
    for device in 0..<64 where place.devices & (1 << UInt64(device)) != 0 {
      owner[Self.key(place.node.index, device)] = nil
    }
  }

  /// An attempt may end with members that have not stopped only on suspect nodes, and never under `strict`.
  private func checkFence(_ attempt: AttemptID) throws(Violation) {
    guard let gang = gangs[attempt], let spec = specs[attempt.job.number] else { return }
    for (i, place) in gang.places.enumerated() where !gang.stopped.contains(Int32(i)) {
      let strict =
        spec.restart.fence == .strict
        || (spec.restart.fence == .auto && !hadCheckpoint.contains(attempt.job.number))
      guard !strict, suspects.contains(place.node.index) else {
        throw Violation(description: "\(attempt) ended while its member \(i) on \(place.node) may still run")
      }
    }
  }
}
