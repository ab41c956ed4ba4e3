import Foundation
import MusterCore
import MusterProtocol

@testable import MusterSim

/// Small simulations, naming only what a story needs.
enum SimWorld {
  static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  static func fleet(_ nodes: Int32, devices: Int32 = 8, nodesPerRack: Int32 = 0) -> SimFleet {
    SimFleet(nodes: nodes, devicesPerNode: devices, nodesPerRack: nodesPerRack)
  }

  static func csv(_ rows: String, header: String = "submit_seconds,duration_seconds,devices") -> [UInt8] {
    bytes(header + "\n" + rows)
  }

  static func settings(_ fleet: SimFleet, _ rows: String, policy: SimPolicy = .fifo) throws -> SimSettings {
    SimSettings(fleet: fleet, trace: try Trace(csv(rows), format: .csv, fleet: fleet), policy: policy)
  }

  /// What jobs with walltimes wait, in seconds; `rows` are of submission, duration, devices, walltime.
  static func waits(_ fleet: SimFleet, limited rows: String, policy: SimPolicy) throws -> [Int64?] {
    let header = "submit_seconds,duration_seconds,devices,walltime_seconds"
    let trace = try Trace(csv(rows, header: header), format: .csv, fleet: fleet)
    return waits(run(SimSettings(fleet: fleet, trace: trace, policy: policy)).results)
  }

  /// Runs it to its end. The state's hash comes beside the results.
  static func run(_ settings: SimSettings) -> (results: SimResults, stateHash: UInt64) {
    var simulation = Simulation(settings)
    while simulation.advance(moments: 100) {}
    return (simulation.results(), simulation.stateFingerprint)
  }

  static func waits(_ results: SimResults) -> [Int64?] { results.jobs.map { $0.waitMilliseconds.map { $0 / 1000 } } }

  /// Files that are not in the repository; nil where they are absent.
  static let shared: URL? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = root.deletingLastPathComponent().appending(path: "shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()
}
