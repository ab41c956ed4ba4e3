import MusterDevices

/// What a dcgm-exporter prints, read: Prometheus text, a series a line, `gpu` the device's number.
enum ExporterText {
  struct Device: Hashable, Sendable {
    var sample: DeviceSample
    /// The label `modelName`; empty: it has none.
    var model: String
  }

  /// Names before DCGM 4.6.0 and since, and what a value is multiplied with to be the counter's. Source: dcgm_fields.h.
  static let names: [String: (counter: DeviceCounter, factor: Double)] = {
    let profiling: [(DeviceCounter, before: String, since: String)] = [
      (.graphics, "GR_ENGINE_ACTIVE", "GR_ENGINE_UTIL_RATIO"), (.sm, "SM_ACTIVE", "SM_UTIL_RATIO"),
      (.occupancy, "SM_OCCUPANCY", "SM_OCCUPANCY_RATIO"), (.tensor, "PIPE_TENSOR_ACTIVE", "TENSOR_UTIL_RATIO"),
      (.dram, "DRAM_ACTIVE", "DRAM_UTIL_RATIO"), (.fp64, "PIPE_FP64_ACTIVE", "FP64_UTIL_RATIO"),
      (.fp32, "PIPE_FP32_ACTIVE", "FP32_UTIL_RATIO"), (.fp16, "PIPE_FP16_ACTIVE", "FP16_UTIL_RATIO"),
    ]
    let mebibyte = 1_048_576.0
    var names: [String: (counter: DeviceCounter, factor: Double)] = [
      "DCGM_FI_DEV_GPU_UTIL": (.utilisation, 0.01), "DCGM_FI_DEV_MEM_COPY_UTIL": (.memoryUtilisation, 0.01),
      "DCGM_FI_DEV_POWER_USAGE": (.power, 1), "DCGM_FI_DEV_BOARD_POWER_WATTS": (.power, 1),
      "DCGM_FI_DEV_SM_CLOCK": (.smClock, 1), "DCGM_FI_DEV_FB_USED": (.memoryUsed, mebibyte),
      "DCGM_FI_PROF_PCIE_TX_BYTES": (.pcieSent, 1 / mebibyte),
      "DCGM_FI_PROF_PCIE_RX_BYTES": (.pcieReceived, 1 / mebibyte),
    ]
    for (counter, before, since) in profiling {
      names["DCGM_FI_PROF_" + before] = (counter, 1)
      names["DCGM_FI_PROF_" + since] = (counter, 1)
    }
    return names
  }()
  /// Of 4.6.0 it is percent under this name, of later ones a ratio.
  static let unclearUtilisation = "DCGM_FI_DEV_GPU_UTIL_RATIO"
  /// Field 112; NVML's bits.
  static let reasons: Set<String> = ["DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"]

  /// By number. Lines that are no series of a device, or not understood, are passed over; so are those of a part of a
  /// device (MIG): its shares are not the device's.
  /// - Parameter seconds: when it was read, boot-time seconds.
  static func devices(_ text: [UInt8], seconds: Double) -> [Int: Device] {
    var devices: [Int: Device] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let series = Series(line), let gpu = series["gpu"].flatMap({ Int($0) }), gpu >= 0,
        series["GPU_I_ID"] ?? "" == ""
      else { continue }
      let change = { (device: inout Device) in
        if let model = series["modelName"] { device.model = model }
        set(&device.sample, series.name, series.value)
      }
      change(&devices[gpu, default: Device(sample: DeviceSample(seconds: seconds), model: "")])
    }
    return devices
  }

  private static func set(_ sample: inout DeviceSample, _ name: String, _ told: Double) {
    // Before it is turned into our unit: DCGM writes a sentinel where it has no value.
    guard let value = DeviceSample.measured(told) else { return }
    if let known = names[name] {
      sample[known.counter] = value * known.factor
    } else if name == unclearUtilisation {
      // 1 is 1 % or all of it: not to be told.
      if value != 1 { sample[.utilisation] = value > 1 ? value / 100 : value }
    } else if reasons.contains(name) {
      sample.isPowerCapped = UInt64(exactly: value).map { $0 & NVMLCounters.powerCapBit != 0 }
    }
  }

  /// `NAME{LABEL="VALUE",...} NUMBER [TIME]`
  struct Series: Hashable {
    var name: String
    var labels: [String: String] = [:]
    var value: Double

    subscript(label: String) -> String? { labels[label] }

    /// nil: a comment, or no series.
    init?(_ line: some Collection<UInt8>) {
      var rest = Array(line)[...]
      func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
      func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
      let head = rest.prefix { $0 != UInt8(ascii: "{") && !isSpace($0) }
      guard let first = head.first, first != UInt8(ascii: "#") else { return nil }
      name = text(head)
      rest = rest.dropFirst(head.count).drop(while: isSpace)
      if rest.first == UInt8(ascii: "{") {
        rest = rest.dropFirst()
        while true {
          rest = rest.drop { isSpace($0) || $0 == UInt8(ascii: ",") }
          if rest.first == UInt8(ascii: "}") { break }
          let label = rest.prefix { $0 != UInt8(ascii: "=") }
          rest = rest.dropFirst(label.count + 1)
          guard !label.isEmpty, let value = Self.quoted(&rest) else { return nil }
          labels[text(label.filter { !isSpace($0) })] = text(value)
        }
        rest = rest.dropFirst().drop(while: isSpace)
      }
      guard let number = Double(text(rest.prefix { !isSpace($0) })) else { return nil }
      value = number
    }

    /// From its first quote to its last; `\\`, `\"` and `\n` are one character each.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
      guard rest.first == UInt8(ascii: "\"") else { return nil }
      rest = rest.dropFirst()
      var value: [UInt8] = []
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\"") { return value }
        guard byte == UInt8(ascii: "\\") else {
          value.append(byte)
          continue
        }
        guard let next = rest.popFirst() else { return nil }
        value.append(next == UInt8(ascii: "n") ? 10 : next)
      }
      return nil
    }
  }
}
