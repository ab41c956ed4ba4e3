/// How many devices a node has, and which.
struct DeviceInventory: Hashable, Sendable {
  var count: Int32
  var type: String

  /// Declared devices as they are; else what NVML says, and none where there is no NVML.
  init(declared: Int32?) {
    if let declared {
      count = declared
      type = ""
      return
    }
    switch NVML.read() {
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
