/// How many devices a node has, and which.
struct DeviceInventory: Hashable, Sendable {
  var count: Int32
  var type: String

  /// Declared devices as they are; else what NVML says, and none where there is no NVML or it does not answer in time.
  /// - Parameter patience: milliseconds.
  init(declared: Int32?, library: String = NVML.library, patience: Int64 = NVML.patience) {
    if let declared {
      count = declared
      type = ""
      return
    }
    switch NVML.read(library: library, patience: patience) {
    case .devices(let names):
      count = Int32(clamping: names.count)
      type = names.first ?? ""
    case .unavailable(let reason):
      AgentMain.log("no devices: \(reason) (--devices N declares some)")
      count = 0
      type = ""
    }
  }
}
