import Glibc

/// NVIDIA's management library, by `dlopen`: nothing to link with, and its absence is an answer.
/// Source of names and numbers: NVML API reference, nvml.h (NVML_SUCCESS is 0, a name has at most 96 bytes).
enum NVML {
  enum Reading: Hashable, Sendable {
    /// Names of the devices, in the library's order.
    case devices([String])
    case unavailable(reason: String)
  }

  private typealias Call0 = @convention(c) () -> Int32
  private typealias CountCall = @convention(c) (UnsafeMutablePointer<UInt32>) -> Int32
  private typealias HandleCall = @convention(c) (UInt32, UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int32
  private typealias NameCall = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>, UInt32) -> Int32

  static func read(library: String = "libnvidia-ml.so.1") -> Reading {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
      return .unavailable(reason: "\(library) cannot be loaded")
    }
    defer { dlclose(handle) }
    func find<T>(_ name: String, as type: T.Type) -> T? { dlsym(handle, name).map { unsafeBitCast($0, to: type) } }
    guard let start = find("nvmlInit_v2", as: Call0.self), let stop = find("nvmlShutdown", as: Call0.self),
      let count = find("nvmlDeviceGetCount_v2", as: CountCall.self),
      let byIndex = find("nvmlDeviceGetHandleByIndex_v2", as: HandleCall.self),
      let name = find("nvmlDeviceGetName", as: NameCall.self)
    else { return .unavailable(reason: "\(library) lacks a function that NVML has had since 2013") }
    let started = start()
    guard started == 0 else { return .unavailable(reason: "nvmlInit_v2 answered \(started): is the driver loaded?") }
    defer { _ = stop() }
    var found: UInt32 = 0
    let counted = count(&found)
    guard counted == 0 else { return .unavailable(reason: "nvmlDeviceGetCount_v2 answered \(counted)") }
    var names: [String] = []
    for i in 0..<found {
      var device: UnsafeMutableRawPointer?
      var text = [CChar](repeating: 0, count: 97)
      let got = byIndex(i, &device)
      let named = got == 0 ? name(device, &text, 96) : got
      // A device that does not answer is still a device; what is wrong with it, health will say.
      names.append(
        named == 0 ? String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown")
    }
    return .devices(names)
  }
}
