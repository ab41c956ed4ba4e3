import Glibc
import MusterDevices
import Synchronization

/// Reads the node's devices on threads of its own. What it has is taken from it without waiting: the agent's loop, its
/// leases and its end hang on no driver.
final class DeviceWatch: Sendable {
  /// Behind the whole second, when each device has just been looked at. Milliseconds.
  private static let offset: Int64 = 500
  /// Where nothing tells of the devices, it is looked again. Milliseconds.
  private static let findAgainAfter: Int32 = 60_000

  private struct State {
    var queue = RollupQueue()
    var source: DeviceSource?
    var devices: [DeviceNow] = []
  }
  private let state = Mutex(State())
  private let counters: DeviceCounters
  private let devices: Int
  private let type: String
  private let library: String

  /// - Parameters:
  ///   - devices: of the node.
  ///   - type: as they are declared or called; empty: not known.
  init(_ counters: DeviceCounters, devices: Int, type: String, library: String = NVML.library) {
    self.counters = counters
    self.devices = devices
    self.type = type
    self.library = library
  }

  /// A node without devices needs no thread.
  func start() {
    guard devices > 0 else { return }
    do throws(SystemFailure) {
      try DetachedThread.start { [self] in run() }
    } catch {
      AgentMain.log("devices are not measured: \(error)")
    }
  }

  /// The oldest rollup that waits, if it is time for one.
  func next(now: Int64) -> [UInt8]? { state.withLock { $0.queue.next(now: now) } }

  func figures(node: String) -> DeviceFigures {
    state.withLock { state in
      DeviceFigures(
        node: node, source: state.source, devices: state.devices, sent: state.queue.sent, dropped: state.queue.dropped)
    }
  }

  private func run() {
    let (source, lookers) = find { poll(nil, 0, Self.findAgainAfter) }
    AgentMain.log("devices are measured by \(source.name)")
    var now = Double(bootMilliseconds()) / 1000
    var collector = DeviceCollector(
      source: source, devices: devices, type: type, wall: WallTime.milliseconds, now: now)
    let first = collector.devices(now: now)
    state.withLock { ($0.source, $0.devices) = (source, first) }
    while true {
      WallTime.pause(untilSecondPlus: Self.offset)
      for looker in lookers { for look in looker.take() { collector.take(look) } }
      let rollup = collector.close(wall: WallTime.milliseconds)
      now = Double(bootMilliseconds()) / 1000
      for line in collector.news(now: now) { AgentMain.log(line) }
      let seen = collector.devices(now: now)
      state.withLock { state in
        state.devices = seen
        if let rollup { state.queue.add(rollup.packed()) }
      }
    }
  }

  /// Looks for a source until there is one: a driver may be loaded long after the agent.
  /// - Parameter pause: waits for the next look.
  func find(pause: () -> Void) -> (DeviceSource, [DeviceLooker]) {
    var told = ""
    while true {
      let (source, lookers, reason) = choose()
      if let source { return (source, lookers) }
      if reason != told {
        AgentMain.log("devices are not measured: \(reason); this is tried again every \(Self.findAgainAfter / 1000) s")
      }
      told = reason
      pause()
    }
  }

  private func choose() -> (DeviceSource?, [DeviceLooker], reason: String) {
    do throws(SystemFailure) {
      let devices = devices
      if let recording = counters.recording {
        let begunAt = Double(bootMilliseconds()) / 1000
        return (.recording, [try DeviceLooker { RecordingPlayer(recording, devices: devices, begunAt: begunAt) }], "")
      }
      var nvml: NVMLLookers?
      var reason = ""
      do throws(NVMLCalls.Unavailable) {
        nvml = try NVMLLookers(library: library, limit: devices)
        if nvml?.all.isEmpty == true { reason = "NVML knows no device" }
      } catch {
        reason = error.reason
      }
      let source = counters.source(gpm: nvml?.firstLooks().map(\.hasGPM) ?? [])
      guard source == .dcgmExporter, let exporter = counters.exporter else { return (source, nvml?.all ?? [], reason) }
      nvml?.stop()
      return (source, [try DeviceLooker { ExporterReader(exporter) }], "")
    } catch {
      return (nil, [], "\(error)")
    }
  }
}
