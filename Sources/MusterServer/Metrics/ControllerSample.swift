import MusterCore
import MusterDevices
import MusterMetrics
import MusterProtocol

/// Device time of one account, as the ledger has it.
struct AccountedTime: Hashable, Sendable {
  var account: String
  var gpuMilliseconds: Int64
}

/// Where `muster_gpu_seconds_total` comes from: every account there is, in a fixed order, each with all that was ever
/// accounted to it. Without a ledger there is none, and no such family. An account may shrink when time turns out to have
/// been lost; what is exported waits until it has grown again (`GrowingTime`).
typealias GPUTimeSource = @Sendable () async throws -> [AccountedTime]

/// All that a scrape of a controller tells, taken at one moment.
struct ControllerSample: Sendable {
  /// What only the writer knows.
  struct Writer: Sendable {
    var figures: Figures
    var counts: WriterCounts
    var startedAt: Instant
    var shims: Int
    /// The disk is low: submissions are refused.
    var isDiskLow: Bool
  }

  /// nil: it did not answer in time; it waits for its disk, or has more to do than it can.
  var writer: Writer?
  /// Beside `Lane.allCases`.
  var lanes: [LaneCount]
  var eventStreams: Int
  /// The database and its log; nil: not known.
  var journalBytes: Int64?
  var diskFreeBytes: Int64?
  /// Jobs that the idle policy warned, and cancelled.
  var idle: (warned: Int64, cancelled: Int64) = (0, 0)
  /// nil: there is no ledger.
  var gpuTime: [AccountedTime]?
  /// What the devices do; nil: not known.
  var telemetry: TelemetryFigures?
  var process: ProcessFigures?
}

/// How a lane stands.
struct LaneCount: Hashable, Sendable {
  var depth: Int
  /// What found it full.
  var refused: Int64
}

extension ControllerSample {
  /// Every family that a controller exports, in the order of docs/metrics.md (a test compares the two).
  var families: [MetricFamily] {
    var families = [
      MetricFamily(
        .info, "muster_build", "Version of this program and of the link that it speaks.",
        [.init(.integer(1), [.init("version", musterVersion), .init("protocol", "\(linkVersion)")])]),
      MetricFamily(
        .gauge, "muster_writer_up", "1 if the writer answered this scrape in time; what it knows is missing otherwise.",
        writer == nil ? 0 : 1),
    ]
    if let writer { families += writer.state + writer.work(lanes) }
    families += queues
    families += journal
    if let gpuTime {
      families.append(
        MetricFamily(
          .counter, "muster_gpu_seconds", unit: .seconds, "Device time by what became of it.",
          gpuTime.map {
            .init(.real(Double($0.gpuMilliseconds) / 1000), [.init("account", $0.account)])
          }))
    }
    families += telemetry?.families ?? []
    families += [
      MetricFamily(.counter, "muster_idle_warnings", "Jobs that were warned because they used nothing.", idle.warned),
      MetricFamily(
        .counter, "muster_idle_cancels", "Jobs that were cancelled because they used nothing.", idle.cancelled),
    ]
    return families + (process?.families ?? [])
  }

  private var queues: [MetricFamily] {
    let named = zip(Lane.allCases, lanes)
    return [
      MetricFamily(
        .gauge, "muster_lane_depth", "What waits for the writer, by lane.", by: "lane",
        named.map { ("\($0)", Int64($1.depth)) }),
      MetricFamily(
        .counter, "muster_lane_refusals", "What found its lane full and was refused at once, by lane.",
        by: "lane", named.map { ("\($0)", $1.refused) }),
      MetricFamily(.gauge, "muster_event_streams", "Clients that follow events.", eventStreams),
    ]
  }

  private var journal: [MetricFamily] {
    var families: [MetricFamily] = []
    if let journalBytes {
      families.append(
        MetricFamily(
          .gauge, "muster_journal_bytes", unit: .bytes, "Bytes of the journal and its log on disk, without snapshots.",
          journalBytes))
    }
    if let diskFreeBytes {
      families.append(
        MetricFamily(
          .gauge, "muster_journal_disk_free_bytes", unit: .bytes, "Bytes free on the journal's disk.", diskFreeBytes))
    }
    return families
  }
}

extension ControllerSample.Writer {
  /// The fleet and its queue, as they are now.
  fileprivate var state: [MetricFamily] {
    func by<T: CaseIterable>(_ type: T.Type, _ values: [Int64]) -> [(String, Int64)] {
      zip(T.allCases, values).map { ("\($0)", $1) }
    }
    return [
      MetricFamily(
        .gauge, "muster_controller_epoch", "Number of this controller among all that opened its journal.",
        figures.epoch),
      MetricFamily(
        .gauge, "muster_controller_start_time_seconds", unit: .seconds,
        "When this controller took up its state, in seconds since 1970.", real: Double(startedAt.nanoseconds) / 1e9),
      MetricFamily(
        .gauge, "muster_jobs", "Jobs that have not ended, by state.", by: "state", by(JobState.self, figures.jobs)),
      MetricFamily(
        .gauge, "muster_jobs_waiting", "Pending jobs by the first thing that each waits for.", by: "reason",
        by(WaitKind.self, figures.waiting)),
      MetricFamily(.gauge, "muster_members", "Parts of gangs, one a node, that have not stopped.", figures.members),
      MetricFamily(.gauge, "muster_nodes", "Nodes by state.", by: "state", by(NodeState.self, figures.nodes)),
      MetricFamily(
        .gauge, "muster_devices", "Devices by what they are to the scheduler.", by: "state",
        by(Figures.DeviceUse.self, figures.devices)),
      MetricFamily(.gauge, "muster_agents_connected", "Nodes whose agents are connected.", figures.agents),
      MetricFamily(.gauge, "muster_shims_connected", "Connections of shims.", shims),
      MetricFamily(.gauge, "muster_journal_sequence", "Facts in the journal.", figures.sequence),
      MetricFamily(
        .gauge, "muster_submissions_closed", "1 while submissions are refused because the journal's disk is low.",
        isDiskLow ? 1 : 0),
    ]
  }

  /// What has been done since this process started.
  fileprivate func work(_ lanes: [LaneCount]) -> [MetricFamily] {
    let facts = counts.facts
    return [
      MetricFamily(.counter, "muster_jobs_submitted", "Jobs accepted, each task of an array counted.", facts.submitted),
      MetricFamily(
        .counter, "muster_jobs_ended", "Jobs that ended, by how.", by: "state",
        JobState.allCases.filter(\.isFinal).map { ("\($0)", facts.ended[Int($0.rawValue)]) }),
      MetricFamily(.counter, "muster_attempts_started", "Placements of gangs.", facts.attempts),
      MetricFamily(
        .counter, "muster_attempts_ended", "Attempts that ended, by why.", by: "outcome",
        zip(Outcome.allCases, facts.outcomes).map { ("\($0)", $1) }),
      MetricFamily(
        .counter, "muster_faults", "Verdicts, by cause.", by: "cause",
        zip(Fault.Cause.allCases, facts.faults).map { ("\($0)", $1) }),
      MetricFamily(
        .counter, "muster_preemptions", "Attempts that were stopped for another job.", facts.preemptions),
      MetricFamily(.counter, "muster_checkpoints", "Checkpoints that jobs said are durable.", facts.checkpoints),
      MetricFamily(
        .counter, "muster_isolations", "Nodes taken out of service on evidence or for silence.", facts.isolations),
      MetricFamily(
        .counter, "muster_commands", "Commands by the lane that they came on and what became of them.",
        WriterCounts.lanes.flatMap { lane in
          WriterCounts.Result.allCases.map { result in
            let count = result == .busy ? lanes[lane.rawValue].refused : counts.count(lane, result)
            return .init(.integer(count), [.init("lane", "\(lane)"), .init("result", result.rawValue)])
          }
        }),
      MetricFamily(
        .histogram, "muster_commit_seconds", unit: .seconds, "Time of a batch's commit: hash, write and disk sync.",
        [.init(.distribution(counts.commits))]),
      MetricFamily(
        .histogram, "muster_turn_seconds", unit: .seconds,
        "Time for which one command, report or question held the writer.", [.init(.distribution(counts.turns))]),
      MetricFamily(
        .counter, "muster_commit_failures", "Commits that failed; the state was rebuilt from the journal.",
        counts.failedCommits),
      MetricFamily(
        .histogram, "muster_round_seconds", unit: .seconds,
        "Time of a scheduling round, from the view of the fleet to the starts that follow from it.",
        [.init(.distribution(counts.rounds))]),
    ]
  }
}

extension TelemetryFigures {
  fileprivate var families: [MetricFamily] {
    [
      MetricFamily(
        .gauge, "muster_measured_devices", "Devices by what their counters say that they do.", by: "state",
        zip(DeviceState.allCases, states).map { ($0.rawValue, $1) }),
      MetricFamily(
        .counter, "muster_rollups", "Rollups of nodes' devices by what became of them.", by: "result",
        zip(RollupResult.allCases, results).map { ($0.rawValue, $1) }),
      MetricFamily(
        .gauge, "muster_rollups_bytes", unit: .bytes, "Bytes of the devices' history on disk, looked at every 10 min.",
        bytes),
    ]
  }
}
