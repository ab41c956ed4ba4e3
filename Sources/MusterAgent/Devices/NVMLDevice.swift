import MusterDevices

/// One device by NVML. A call that answers an error is not measured, never 0. A device that is lost keeps its number,
/// and is looked for again by its UUID.
struct NVMLDevice: DeviceReader {
  /// A device that is not there is asked for again after so many looks.
  static let reopenAfter = 10
  /// Its power limit, which a person may set at any time, is read again after so many looks: a minute of them.
  static let readLimitAfter = 60

  private let calls: NVMLCalls
  private let number: Int
  private var handle: NVMLCalls.Device?
  private var uuid: String?
  private var model = ""
  private var powerLimit: Double?
  private var hasGPM: Bool?
  private var looksUntilOpen = 0
  private var looksUntilLimit = 0
  /// Two profiling samples in turn; the older one was filled by the look before, or not.
  private var samples: (older: UnsafeMutableRawPointer, newer: UnsafeMutableRawPointer)?
  private var hasOlder = false

  init(_ calls: NVMLCalls, number: Int) {
    self.calls = calls
    self.number = number
  }

  mutating func look() -> [DeviceLook] {
    if handle == nil { open() }
    if let handle { readLimit(handle) }
    let counters = handle.map { read($0) } ?? NVMLCounters()
    let sample = counters.sample(seconds: Double(bootMilliseconds()) / 1000)
    return [DeviceLook(device: number, sample: sample, model: model, powerLimitWatts: powerLimit, hasGPM: hasGPM)]
  }

  private mutating func open() {
    looksUntilOpen -= 1
    guard looksUntilOpen < 0 else { return }
    looksUntilOpen = Self.reopenAfter
    var found: NVMLCalls.Device?
    let code: Int32
    if let uuid, let byUUID = calls.byUUID {
      code = uuid.withCString { byUUID($0, &found) }
    } else {
      code = calls.byIndex(UInt32(number), &found)
    }
    guard code == 0, let found else { return }
    handle = found
    hasOlder = false
    model = NVMLCalls.text(calls.name, found) ?? model
    uuid = NVMLCalls.text(calls.uuid, found) ?? uuid
    looksUntilLimit = 0
    hasGPM = isProfiled(found)
    if hasGPM == true, samples == nil { samples = allocate() }
  }

  /// What was read stays where it cannot be read again.
  private mutating func readLimit(_ device: NVMLCalls.Device) {
    looksUntilLimit -= 1
    guard looksUntilLimit < 0 else { return }
    looksUntilLimit = Self.readLimitAfter - 1
    var milliwatts: UInt32 = 0
    guard let call = calls.powerLimit, call(device, &milliwatts) == 0 else { return }
    powerLimit = DeviceSample.measured(Double(milliwatts)).map { $0 / 1000 } ?? powerLimit
  }

  private func isProfiled(_ device: NVMLCalls.Device) -> Bool {
    guard let call = calls.gpmSupport, calls.gpmSampleGet != nil, calls.gpmMetricsGet != nil else { return false }
    // nvmlGpmSupport_t: its version, then the answer.
    var support: [UInt32] = [1, 0]
    return call(device, &support) == 0 && support[1] != 0
  }

  private func allocate() -> (UnsafeMutableRawPointer, UnsafeMutableRawPointer)? {
    var (older, newer): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?)
    guard let call = calls.gpmSampleAlloc, call(&older) == 0, call(&newer) == 0, let older, let newer else {
      return nil
    }
    return (older, newer)
  }

  private mutating func read(_ device: NVMLCalls.Device) -> NVMLCounters {
    var counters = NVMLCounters()
    var isLost = false
    /// Whether a call answered; what it told is there to be taken.
    func answered(_ code: Int32?) -> Bool {
      if let code, NVMLCalls.lost.contains(code) { isLost = true }
      return code == 0
    }
    var number: UInt32 = 0
    var mask: UInt64 = 0
    var bytes = [UInt8](repeating: 0, count: NVMLUtilisation.size)
    if answered(calls.utilisation?(device, &bytes)) {
      let told = NVMLUtilisation.read(bytes)
      (counters.utilisation, counters.memoryUtilisation) = (told.device, told.memory)
    }
    bytes = NVMLMemory.request
    if answered(calls.memory?(device, &bytes)) { counters.memoryUsed = NVMLMemory.used(bytes) }
    if answered(calls.power?(device, &number)) { counters.power = number }
    // Clock 1 is the SMs' (nvmlClockType_t).
    if answered(calls.clock?(device, 1, &number)) { counters.smClock = number }
    if answered(calls.reasons?(device, &mask)) { counters.reasons = mask }
    number = 0
    // Asked with no room, it counts: "too small" if there are any.
    let code = calls.processes?(device, &number, nil)
    if answered(code) || code == NVMLCalls.tooSmall { counters.processes = number }
    if let samples, answered(calls.gpmSampleGet?(device, samples.newer)) {
      if hasOlder { counters.profiling = metrics(samples) }
      self.samples = (samples.newer, samples.older)
      hasOlder = true
    } else {
      hasOlder = false
    }
    if isLost {
      handle = nil
      return NVMLCounters()
    }
    return counters
  }

  private func metrics(
    _ samples: (older: UnsafeMutableRawPointer, newer: UnsafeMutableRawPointer)
  ) -> [DeviceCounter: Double] {
    var bytes = GPM.request(from: samples.older, to: samples.newer)
    guard let call = calls.gpmMetricsGet, call(&bytes) == 0 else { return [:] }
    return GPM.values(bytes)
  }
}
