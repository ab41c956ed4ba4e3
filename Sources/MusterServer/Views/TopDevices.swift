import MusterCore
import MusterDevices
import MusterProtocol

extension Telemetry {
  /// What is told of a job's devices: since it first ran, and of late.
  struct Seen: Sendable {
    var devices: JobDevices
    /// The last minute or two, all devices together; nil: nobody has said anything for a while.
    var recent: DeviceInterval?
  }

  /// Of those of these jobs that run and are measured, by number. Looks at no node and no disk.
  func seen(of jobs: [Int64]) -> [Int64: Seen] {
    var seen: [Int64: Seen] = [:]
    for job in jobs {
      guard let fold = fold.jobs[job] else { continue }
      seen[job] = Seen(devices: fold.devices, recent: fold.recent(now: now, fresh: fresh))
    }
    return seen
  }
}

/// A job of `muster top`, and what else is known of it.
struct TopJob: Sendable {
  var job: Int64
  var devices: Int64
  var deviceType = ""
  /// As its model declares; nil: it declares none.
  var precision: String?
  /// Of the stretch of time that is told of.
  var row: LedgerRow?
  /// Seconds since it first ran in which its ranks said that they saved or evaluated.
  var notStepping = 0.0

  /// How busy its devices are now, and both figures of its MFU since it first ran.
  func members(_ seen: Telemetry.Seen?, _ work: StepWork?) -> [JSON.Member] {
    let mfu = JobMFU(
      devicesAsked: Int(devices), type: deviceType, precision: precision, seen?.devices, work, notStepping: notStepping)
    return [
      .init(name: "busy", value: .share(seen?.recent?.busy)),
      .init(name: "tensor", value: .share(seen?.recent?[.tensor])),
      .init(name: "mfu", value: ["counters": .rounded(mfu.counters), "declared": .rounded(mfu.declared)]),
    ]
  }
}
