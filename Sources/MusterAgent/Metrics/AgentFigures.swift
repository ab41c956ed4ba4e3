import MusterMetrics
import MusterProtocol

/// What an agent has done since it started.
struct AgentCounts: Hashable, Sendable {
  var reports: Int64 = 0
  /// Connections to the controller that ended, and dials that failed.
  var linkEnds: Int64 = 0
  var shimsStarted: Int64 = 0
  var spawnFailures: Int64 = 0
}

/// All that a scrape of an agent tells, taken at one moment.
struct AgentFigures: Hashable, Sendable {
  var version: String
  var counts: AgentCounts
  var isConnected: Bool
  /// Highest that was heard; 0 before the first controller.
  var epoch: Int64
  /// Since the controller last said something, in milliseconds.
  var silence: Int64
  var membersAlive: Int
  /// Of which nothing runs any more, and that the controller has not let go yet.
  var membersEnded: Int
  var ranks: Int
  /// Members whose shim is gone and of which something may still run.
  var leftovers: Int
  var devices: Int32
  /// Until the first of the leases ends, in milliseconds; nil: nothing runs that a lease bounds.
  var lease: Int64?
  var logCutBytes: Int64
  var watch = DeviceFigures()
  var process: ProcessFigures?

  /// Every family that an agent exports, in the order of docs/metrics.md (a test compares the two).
  var families: [MetricFamily] {
    func seconds(_ milliseconds: Int64) -> Double { Double(milliseconds) / 1000 }
    var families = [
      MetricFamily(
        .info, "muster_build", "Version of this program and of the link that it speaks.",
        [.init(.integer(1), [.init("version", version), .init("protocol", "\(linkVersion)")])]),
      MetricFamily(
        .gauge, "muster_agent_connected", "1 while the link to the controller is open.", isConnected ? 1 : 0),
      MetricFamily(
        .gauge, "muster_agent_controller_epoch", "Highest epoch of a controller that was heard.", epoch),
      MetricFamily(
        .gauge, "muster_agent_silence_seconds", unit: .seconds, "Time since the controller last said something.",
        real: seconds(silence)),
      MetricFamily(
        .gauge, "muster_agent_members", "Parts of gangs on this node, by whether anything of them runs.", by: "state",
        [("alive", Int64(membersAlive)), ("ended", Int64(membersEnded))]),
      MetricFamily(.gauge, "muster_agent_ranks", "Processes of jobs that run on this node.", ranks),
      MetricFamily(
        .gauge, "muster_agent_leftovers", "Parts of gangs whose shim is gone while something of them may run.",
        leftovers),
      MetricFamily(.gauge, "muster_agent_devices", "Devices of this node, declared or found.", devices),
      MetricFamily(
        .gauge, "muster_agent_log_cut_bytes", unit: .bytes,
        "Bytes cut out of the middle of the logs of what runs here.", logCutBytes),
      MetricFamily(.counter, "muster_agent_reports", "Reports sent to the controller.", counts.reports),
      MetricFamily(
        .counter, "muster_agent_link_ends", "Connections to the controller that ended, and dials that failed.",
        counts.linkEnds),
      MetricFamily(.counter, "muster_agent_shims_started", "Shims started.", counts.shimsStarted),
      MetricFamily(
        .counter, "muster_agent_spawn_failures", "Shims that could not be started.", counts.spawnFailures),
    ]
    if let lease {
      families.insert(
        MetricFamily(
          .gauge, "muster_agent_lease_seconds", unit: .seconds,
          "Time until the first lease of what runs here ends; renewed with every beat.", real: seconds(lease)), at: 8)
    }
    return families + watch.families + (process?.families ?? [])
  }
}

/// What `FILE.cut` beside each log of these attempts says.
enum LogCuts {
  static func bytes(_ folders: Set<String>) -> Int64 {
    folders.reduce(0) { sum, folder in
      names(in: folder).filter { $0.hasSuffix(".log.cut") }.reduce(sum) { sum, name in
        sum + (readSmallFile("\(folder)/\(name)").map(bytes) ?? 0)
      }
    }
  }

  /// From `FROM TO`; 0 for any other text: it says that nothing could be cut.
  static func bytes(_ text: String) -> Int64 {
    let numbers = text.split(whereSeparator: \.isWhitespace).map { Int64($0) }
    guard numbers.count == 2, let from = numbers[0], let to = numbers[1], to >= from else { return 0 }
    return to - from
  }
}
