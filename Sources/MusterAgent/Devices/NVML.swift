/// NVIDIA's management library, by `dlopen`: nothing to link with, and its absence is an answer.
enum NVML {
  static let library = "libnvidia-ml.so.1"

  enum Reading: Hashable, Sendable {
    /// Names of the devices, in the library's order.
    case devices([String])
    case unavailable(reason: String)
  }

  static func read(library: String = NVML.library) -> Reading {
    do throws(NVMLCalls.Unavailable) {
      let calls = try NVMLCalls(library: library)
      let count = try calls.begin()
      defer { _ = calls.stop() }
      return .devices(
        (0..<count).map { i in
          var device: NVMLCalls.Device?
          // A device that does not answer is still a device; what is wrong with it, health will say.
          guard calls.byIndex(UInt32(i), &device) == 0 else { return "unknown" }
          return NVMLCalls.text(calls.name, device) ?? "unknown"
        })
    } catch {
      return .unavailable(reason: error.reason)
    }
  }
}
