import Glibc
public import MusterDevices

/// Where a node's counters come from, as far as it was said.
public struct DeviceCounters: Hashable, Sendable {
  /// A dcgm-exporter that may be asked; nil: none was given.
  public var exporter: ExporterAddress?
  /// Played instead of all else.
  public var recording: Recording?

  public init(exporter: ExporterAddress? = nil, recording: Recording? = nil) {
    self.exporter = exporter
    self.recording = recording
  }

  /// In order: a recording that is to be played; NVML with its profiling counters; a dcgm-exporter that was given; plain
  /// NVML. nil: nothing.
  /// - Parameter gpm: whether NVML's devices have profiling counters, nil for one that has not said; empty: no NVML.
  func source(gpm: [Bool?]) -> DeviceSource? {
    if recording != nil { return .recording }
    if gpm.contains(true) { return .nvmlGPM }
    if exporter != nil { return .dcgmExporter }
    return gpm.isEmpty ? nil : .nvml
  }

  /// What this machine's devices would be read by, in words; waits at most some seconds for the driver.
  /// - Returns: whether profiling counters are among it.
  public static func survey() -> (isProfiled: Bool, text: String) {
    do throws(NVMLCalls.Unavailable) {
      let lookers = try NVMLLookers(library: NVML.library, limit: NodeRollup.deviceLimit)
      defer { lookers.stop() }
      guard !lookers.all.isEmpty else { return (false, "NVML knows no device") }
      let gpm = lookers.firstLooks().map(\.hasGPM)
      let silent = gpm.count { $0 == nil }
      let text =
        "NVML, \(gpm.count) devices, \(gpm.count { $0 == true }) with profiling counters (GPM)"
        + (silent == 0 ? "" : ", \(silent) do not answer")
      return (gpm.contains(true), text)
    } catch {
      return (false, "none: \(error.reason)")
    }
  }
}

/// A thread for each device: one that is held holds up no other.
struct NVMLLookers {
  /// Devices are waited for so long before it is decided without them. Milliseconds.
  static let patience: Int64 = 3_000

  let all: [DeviceLooker]

  /// May block while a driver does not answer.
  /// - Parameter limit: devices of the node.
  init(library: String, limit: Int) throws(NVMLCalls.Unavailable) {
    let calls = try NVMLCalls(library: library)
    let count = min(try calls.begin(), limit)
    do throws(SystemFailure) {
      var lookers: [DeviceLooker] = []
      for number in 0..<count { lookers.append(try DeviceLooker { NVMLDevice(calls, number: number) }) }
      all = lookers
    } catch {
      throw NVMLCalls.Unavailable(reason: "no thread for a device: \(error)")
    }
  }

  /// One for each device; of one that does not answer in time without a sample.
  func firstLooks() -> [DeviceLook] {
    let until = bootMilliseconds() + Self.patience
    while !all.allSatisfy(\.hasLooked), bootMilliseconds() < until { poll(nil, 0, 20) }
    return all.enumerated().map { $1.take().last ?? DeviceLook(device: $0) }
  }

  func stop() { for looker in all { looker.stop() } }
}
