import Glibc

/// NVML's functions. One that this library lacks is nil, and what it would tell is not measured.
///
/// Source of names, arguments and return codes: nvml.h of CUDA 13.3 (names are versioned: the header renames by macro).
struct NVMLCalls: Sendable {
  typealias Device = UnsafeMutableRawPointer
  typealias Plain = @Sendable @convention(c) () -> Int32
  typealias Count = @Sendable @convention(c) (UnsafeMutablePointer<UInt32>) -> Int32
  typealias ByIndex = @Sendable @convention(c) (UInt32, UnsafeMutablePointer<Device?>) -> Int32
  typealias ByUUID = @Sendable @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Device?>) -> Int32
  typealias Text = @Sendable @convention(c) (Device?, UnsafeMutablePointer<CChar>, UInt32) -> Int32
  typealias Number = @Sendable @convention(c) (Device?, UnsafeMutablePointer<UInt32>) -> Int32
  typealias Mask = @Sendable @convention(c) (Device?, UnsafeMutablePointer<UInt64>) -> Int32
  typealias Clock = @Sendable @convention(c) (Device?, UInt32, UnsafeMutablePointer<UInt32>) -> Int32
  /// Fills a struct, or reads and fills one.
  typealias Struct = @Sendable @convention(c) (Device?, UnsafeMutableRawPointer) -> Int32
  typealias Processes =
    @Sendable @convention(c) (Device?, UnsafeMutablePointer<UInt32>, UnsafeMutableRawPointer?) -> Int32
  typealias SampleAlloc = @Sendable @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int32
  typealias SampleGet = @Sendable @convention(c) (Device?, UnsafeMutableRawPointer?) -> Int32
  typealias MetricsGet = @Sendable @convention(c) (UnsafeMutableRawPointer) -> Int32

  /// NVML_ERROR_INSUFFICIENT_SIZE, _GPU_IS_LOST, _RESET_REQUIRED.
  static let tooSmall: Int32 = 7
  static let lost: Set<Int32> = [15, 16]

  struct Unavailable: Error, Hashable {
    var reason: String
  }

  /// What every NVML has had since 2013.
  let start: Plain
  let stop: Plain
  let count: Count
  let byIndex: ByIndex
  let name: Text

  let byUUID: ByUUID?
  let uuid: Text?
  let utilisation: Struct?
  let memory: Struct?
  let power: Number?
  let powerLimit: Number?
  let clock: Clock?
  let reasons: Mask?
  let processes: Processes?
  let gpmSupport: Struct?
  let gpmSampleAlloc: SampleAlloc?
  let gpmSampleGet: SampleGet?
  let gpmMetricsGet: MetricsGet?

  /// - Parameter library: stays loaded: a thread may be held in it.
  init(library: String) throws(Unavailable) {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
      throw Unavailable(reason: "\(library) cannot be loaded")
    }
    func find<T>(_ name: String, as type: T.Type = T.self) -> T? {
      dlsym(handle, name).map { unsafeBitCast($0, to: type) }
    }
    guard let start: Plain = find("nvmlInit_v2"), let stop: Plain = find("nvmlShutdown"),
      let count: Count = find("nvmlDeviceGetCount_v2"), let byIndex: ByIndex = find("nvmlDeviceGetHandleByIndex_v2"),
      let name: Text = find("nvmlDeviceGetName")
    else { throw Unavailable(reason: "\(library) lacks a function that NVML has had since 2013") }
    (self.start, self.stop, self.count, self.byIndex, self.name) = (start, stop, count, byIndex, name)
    byUUID = find("nvmlDeviceGetHandleByUUID")
    uuid = find("nvmlDeviceGetUUID")
    utilisation = find("nvmlDeviceGetUtilizationRates")
    memory = find("nvmlDeviceGetMemoryInfo_v2")
    power = find("nvmlDeviceGetPowerUsage")
    powerLimit = find("nvmlDeviceGetEnforcedPowerLimit")
    clock = find("nvmlDeviceGetClockInfo")
    reasons = find("nvmlDeviceGetCurrentClocksEventReasons") ?? find("nvmlDeviceGetCurrentClocksThrottleReasons")
    processes = find("nvmlDeviceGetComputeRunningProcesses_v3")
    gpmSupport = find("nvmlGpmQueryDeviceSupport")
    gpmSampleAlloc = find("nvmlGpmSampleAlloc")
    gpmSampleGet = find("nvmlGpmSampleGet")
    gpmMetricsGet = find("nvmlGpmMetricsGet")
  }

  /// Starts NVML. May block while a driver does not answer.
  /// - Returns: how many devices it has.
  func begin() throws(Unavailable) -> Int {
    let started = start()
    guard started == 0 else { throw Unavailable(reason: "nvmlInit_v2 answered \(started): is the driver loaded?") }
    var found: UInt32 = 0
    let counted = count(&found)
    guard counted == 0 else {
      _ = stop()
      throw Unavailable(reason: "nvmlDeviceGetCount_v2 answered \(counted)")
    }
    return Int(found)
  }

  /// A name or a UUID: at most 96 bytes by nvml.h. nil: the call is not there, or answered an error.
  static func text(_ call: Text?, _ device: Device?) -> String? {
    var bytes = [CChar](repeating: 0, count: 97)
    guard let call, call(device, &bytes, 96) == 0 else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
