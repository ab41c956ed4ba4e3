import Foundation
import Logging
import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol
import Testing

@testable import MusterServer

@Suite struct IdleLoopTests {
  /// Idle for two hours up to that moment.
  private static func idle(_ count: Int32, now: Int64, attempt: Int32 = 1) -> JobDevices {
    var devices = JobDevices(deviceType: "L4")
    var sample = DeviceSample(seconds: 1)
    sample[.utilisation] = 0
    let interval = DeviceInterval([sample][...], times: [.idle: 7_200_000])
    let rollup = NodeRollup(start: now - 7_200_000, length: 7_200_000, source: .nvml, devices: [])
    for device in 0..<count { devices.add(interval, of: device, node: 0, attempt: attempt, in: rollup) }
    return devices
  }

  /// A server with one node, on which job 1 has one device.
  private static func withJob(_ rules: String, _ body: (API) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "muster-idle-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let path = folder + "/efficiency.yaml"
    try "idle: \(rules)".write(toFile: path, atomically: true, encoding: .utf8)
    var options = Server.Options(dataFolder: folder, port: 0)
    options.efficiency = try EfficiencySource(path: path)
    // No shim ever says a word here, however long a loaded machine takes.
    (options.limits.firstWord, options.limits.agentSilence) = (.seconds(1 << 20), .seconds(1 << 20))
    let server = try await Server(options, logger: Logger(label: "test"))
    let role = RoleSpec(nodes: 1, devicesPerNode: 1, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    do {
      _ = try await server.api.writer.perform(.orders) { state, _ in
        let joined = NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: 8)
        _ = state.handle(.agentHello(joined, pid: 1), from: .faults)
        _ = state.handle(.agentReport(node: NodeID(0), []), from: .faults)
        let spec = JobSpec(name: "j", project: "vision", user: "ada", role: role)
        return state.handle(.submit([spec], key: "", requestHash: 0), from: .submissions)
      }
      var state: JobState?
      for _ in 0..<20_000 where state != .starting { state = try await Self.state(server.api) }
      #expect(state == .starting)
      try await body(server.api)
    } catch {
      await server.close()
      throw error
    }
    await server.close()
  }

  private static func state(_ api: API, of job: Int64 = 1) async throws -> JobState? {
    try await api.writer.read { state in
      state.controller.cluster.slot(of: JobID(job)).map { state.controller.cluster.job($0).state }
    }
  }

  private static func loop(_ api: API, _ devices: @escaping JobDevicesSource) -> IdleLoop {
    var api = api
    api.efficiency.devices = devices
    return IdleLoop(api: api, logger: Logger(label: "test"))
  }

  @Test("a job that uses nothing is warned, then cancelled, and is told why")
  func cancels() async throws {
    try await Self.withJob("{warnAfter: 1s, cancelAfter: 1001ms}") { api in
      let loop = Self.loop(api) { [clock = api.writer] jobs in
        jobs.reduce(into: [:]) { $0[$1] = Self.idle(1, now: clock.now.nanoseconds / 1_000_000) }
      }
      try await loop.round()
      let warning = await api.efficiency.warnings.warning(of: JobID(1))
      #expect(warning?.text == "its GPU was never used for 2 h; it is cancelled in 0 s if that stays so")
      #expect(try await Self.state(api) == .starting)
      for _ in 0..<20_000 where await api.efficiency.warnings.cancelled == 0 { try await loop.round() }
      let told = await api.efficiency.warnings.warning(of: JobID(1))
      #expect(told?.text.hasPrefix("cancelled by the idle policy: its GPU was never used for 2 h") == true)
      #expect(try await Self.state(api) == .stopping)
      #expect(await api.efficiency.warnings.warned == 1)
    }
  }

  @Test(
    "nobody is warned without rules, without counters, or by those of another attempt",
    arguments: ["off", "none", "old"])
  func leftAlone(why: String) async throws {
    try await Self.withJob(why == "off" ? "{}" : "{warnAfter: 1s}") { api in
      let loop = Self.loop(api) { [clock = api.writer] jobs in
        let seen = Self.idle(1, now: clock.now.nanoseconds / 1_000_000, attempt: why == "old" ? 2 : 1)
        return why == "none" ? [:] : jobs.reduce(into: [:]) { $0[$1] = seen }
      }
      try await loop.round()
      #expect(await api.efficiency.warnings.warning(of: JobID(1)) == nil)
    }
  }
  @Test("each job is looked at, whatever waits before it")
  func behindOneThatWaits() async throws {
    try await Self.withJob("{warnAfter: 1s}") { api in
      let role = RoleSpec(nodes: 1, devicesPerNode: 1, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
      _ = try await api.writer.perform(.submissions) { state, _ in
        var held = JobSpec(name: "held", project: "vision", user: "ada", role: role)
        held.wishes.isHeld = true
        let next = JobSpec(name: "next", project: "vision", user: "ada", role: role)
        return state.handle(.submit([held, next], key: "", requestHash: 0), from: .submissions)
      }
      for _ in 0..<20_000 where try await Self.state(api, of: 3) != .starting { await Task.yield() }
      let loop = Self.loop(api) { [clock = api.writer] jobs in
        jobs.reduce(into: [:]) { $0[$1] = Self.idle(1, now: clock.now.nanoseconds / 1_000_000) }
      }
      try await loop.round()
      #expect(Set(await api.efficiency.warnings.all.keys) == [JobID(1), JobID(3)])
    }
  }
}
