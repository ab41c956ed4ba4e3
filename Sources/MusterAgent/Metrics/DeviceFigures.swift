import MusterDevices
import MusterMetrics

/// What a scrape tells of the node's devices: each one's latest sample, under the names and in the units of
/// dcgm-exporter where the meaning is the same, so that dashboards made for it read it.
struct DeviceFigures: Hashable, Sendable {
  /// The node's name.
  var node = ""
  /// nil: devices are not measured.
  var source: DeviceSource?
  var devices: [DeviceNow] = []
  /// Rollups that went to the controller, and those that waited for it too long.
  var sent: Int64 = 0
  var dropped: Int64 = 0

  private struct Gauge {
    var name: String
    var counter: DeviceCounter
    /// What the counter is multiplied with to be in the gauge's unit.
    var factor = 1.0
    var help: String
  }

  private static let gauges = [
    Gauge(
      name: "DCGM_FI_DEV_GPU_UTIL", counter: .utilisation, factor: 100,
      help: "Percent of the time in which a kernel was resident: not work."),
    Gauge(
      name: "DCGM_FI_DEV_MEM_COPY_UTIL", counter: .memoryUtilisation, factor: 100,
      help: "Percent of the time in which device memory was read or written."),
    Gauge(name: "DCGM_FI_DEV_POWER_USAGE", counter: .power, help: "Power of the board in watts."),
    Gauge(name: "DCGM_FI_DEV_SM_CLOCK", counter: .smClock, help: "Clock of the SMs in MHz."),
    Gauge(
      name: "DCGM_FI_DEV_FB_USED", counter: .memoryUsed, factor: 1 / 1_048_576, help: "Device memory in use, in MiB."),
    Gauge(
      name: "DCGM_FI_PROF_GR_ENGINE_ACTIVE", counter: .graphics,
      help: "Share of the time in which a context is bound and a pipe is busy."),
    Gauge(name: "DCGM_FI_PROF_SM_ACTIVE", counter: .sm, help: "Share of SM cycles with a warp."),
    Gauge(
      name: "DCGM_FI_PROF_SM_OCCUPANCY", counter: .occupancy, help: "Resident warps over the most there can be."),
    Gauge(
      name: "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", counter: .tensor,
      help: "Share of cycles in which a tensor pipe is busy."),
    Gauge(
      name: "DCGM_FI_PROF_DRAM_ACTIVE", counter: .dram,
      help: "Share of cycles in which the memory interface is busy."),
    Gauge(
      name: "DCGM_FI_PROF_PIPE_FP64_ACTIVE", counter: .fp64, help: "Share of cycles in which the fp64 pipe is busy."),
    Gauge(
      name: "DCGM_FI_PROF_PIPE_FP32_ACTIVE", counter: .fp32, help: "Share of cycles in which the fp32 pipe is busy."),
    Gauge(
      name: "DCGM_FI_PROF_PIPE_FP16_ACTIVE", counter: .fp16, help: "Share of cycles in which the fp16 pipe is busy."),
    Gauge(
      name: "DCGM_FI_PROF_PCIE_TX_BYTES", counter: .pcieSent, factor: 1_048_576,
      help: "Bytes a second that the device sends over PCIe."),
    Gauge(
      name: "DCGM_FI_PROF_PCIE_RX_BYTES", counter: .pcieReceived, factor: 1_048_576,
      help: "Bytes a second that the device receives over PCIe."),
  ]

  /// In the order of docs/metrics.md. A counter that no device has is left out; so is a device's that was not measured.
  var families: [MetricFamily] {
    guard let source else { return [] }
    func labels(_ device: DeviceNow) -> [MetricFamily.Label] {
      [.init("gpu", "\(device.number)"), .init("modelName", device.model), .init("Hostname", node)]
    }
    let gauges = Self.gauges.compactMap { gauge -> MetricFamily? in
      let samples = devices.compactMap { device in
        (device.sample?[gauge.counter]).map {
          MetricFamily.Sample(.real($0 * gauge.factor), labels(device))
        }
      }
      return samples.isEmpty ? nil : MetricFamily(.gauge, gauge.name, gauge.help, samples)
    }
    let states = devices.flatMap { device in
      DeviceState.allCases.map { state in
        MetricFamily.Sample(
          .integer(device.state == state ? 1 : 0),
          [.init("gpu", "\(device.number)"), .init("state", state.rawValue)])
      }
    }
    return [
      MetricFamily(
        .info, "muster_agent_device_source", "Where the devices' counters come from.",
        [.init(.integer(1), [.init("source", source.name)])]),
      MetricFamily(
        .counter, "muster_agent_rollups", "Ten seconds of the devices' counters, by what became of them.",
        by: "result", [("sent", sent), ("dropped", dropped)]),
    ] + gauges + [MetricFamily(.gauge, "muster_device_state", "1 for the state that the device is in.", states)]
  }
}
