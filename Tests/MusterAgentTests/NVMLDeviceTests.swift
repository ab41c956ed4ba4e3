import Foundation
import Glibc
import MusterDevices
import MusterTestKit
import Testing

@testable import MusterAgent

/// NVML by a library that answers what a test tells it to.
@Suite(.enabled(if: StandInNVML.isPossible, "no C compiler here: /usr/bin/cc"), .timeLimit(.minutes(2)))
struct NVMLDeviceTests {
  static let hopper = [
    "count 2", "0.name NVIDIA H100 80GB HBM3", "0.gpu 98", "0.memory 40", "0.used 9663676416", "0.power 698000",
    "0.limit 700000", "0.clock 1371", "0.reasons 4", "0.processes 3", "0.gpm 1", "0.metric1 98", "0.metric2 95.5",
    "0.metric3 14", "0.metric4 2", "0.metric5 92.25", "0.metric10 25", "0.metric11 0", "0.metric12 1", "0.metric13 0.5",
    "0.metric20 1.95", "0.metric21 1.5",
  ]

  static func sight(_ device: inout NVMLDevice) -> DeviceLook? { device.look().first }

  static func device(_ library: StandInNVML, _ number: Int = 0) throws -> NVMLDevice {
    let calls = try NVMLCalls(library: library.library)
    #expect(try calls.begin() == 2)
    return NVMLDevice(calls, number: number)
  }

  @Test("every counter comes in its own unit; profiling counters with the second look")
  func values() throws {
    let library = try StandInNVML(Self.hopper)
    var device = try Self.device(library)
    let firstLook = device.look()
    let first = try #require(firstLook.first)
    #expect(first.device == 0 && first.model == "NVIDIA H100 80GB HBM3" && first.powerLimitWatts == 700)
    #expect(first.hasGPM == true && first.sample?[.tensor] == nil && first.sample?[.utilisation] == 0.98)
    let sampleLook = device.look()
    let sample = try #require(sampleLook.first?.sample)
    let wanted: [DeviceCounter: Double] = [
      .utilisation: 0.98, .memoryUtilisation: 0.4, .power: 698, .smClock: 1371, .memoryUsed: 9_663_676_416,
      .processes: 3, .graphics: 0.98, .sm: 0.955, .occupancy: 0.14, .integer: 0.02, .tensor: 0.9225, .dram: 0.25,
      .fp64: 0, .fp32: 0.01, .fp16: 0.005, .pcieSent: 1.95, .pcieReceived: 1.5,
    ]
    for counter in DeviceCounter.allCases {
      let found = try #require(sample[counter], "\(counter)")
      #expect(abs(found - wanted[counter, default: -1]) < 1e-9, "\(counter): \(found)")
    }
    #expect(sample.isPowerCapped == true)
  }

  @Test("a call that answers an error is not measured, never 0")
  func notMeasured() throws {
    let library = try StandInNVML(["count 2", "0.name NVIDIA A10", "0.power 75000", "0.processes 0", "0.metric5 50"])
    var device = try Self.device(library)
    _ = device.look()
    let lookLook = device.look()
    let look = try #require(lookLook.first)
    #expect(look.hasGPM == false && look.powerLimitWatts == nil)
    let sample = try #require(look.sample)
    #expect(sample[.power] == 75 && sample[.processes] == 0 && sample.isPowerCapped == nil)
    for counter in DeviceCounter.allCases where ![.power, .processes].contains(counter) {
      #expect(sample[counter] == nil, "\(counter)")
    }
  }

  @Test("one profiling metric that fails takes no other with it")
  func oneMetric() throws {
    let library = try StandInNVML(Self.hopper.filter { !$0.hasPrefix("0.metric10") })
    var device = try Self.device(library)
    _ = device.look()
    let sampleLook = device.look()
    let sample = try #require(sampleLook.first?.sample)
    #expect(sample[.dram] == nil && sample[.tensor] == 0.9225)
  }

  @Test("a device that is lost keeps its number, and is found again")
  func lost() throws {
    let library = try StandInNVML(Self.hopper + ["1.name NVIDIA H100 80GB HBM3", "1.power 74000"])
    var devices = [try Self.device(library, 0), try Self.device(library, 1)]
    #expect(Self.sight(&devices[1])?.sample?[.power] == 74)
    try library.tell(Self.hopper + ["1.error 15"])
    for _ in 0..<3 {
      let goneLook = devices[1].look()
      let gone = try #require(goneLook.first)
      #expect(gone.device == 1 && gone.sample == nil && gone.model == "NVIDIA H100 80GB HBM3")
    }
    #expect(Self.sight(&devices[0])?.sample?[.power] == 698)
    try library.tell(Self.hopper + ["1.power 75000"])
    let found = (0...NVMLDevice.reopenAfter).compactMap { _ in devices[1].look().first?.sample }
    #expect(found.last?[.power] == 75)
  }

  @Test("a call that does not come back holds one device's thread alone")
  func held() throws {
    let library = try StandInNVML(["count 2", "0.power 74000", "0.block 1", "1.power 75000"])
    let gate = library.folder.path + "/gate"
    #expect(mkfifo(gate, 0o600) == 0)
    let calls = try NVMLCalls(library: library.library)
    _ = try calls.begin()
    let (looked, goOn) = ([DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)], DispatchSemaphore(value: 0))
    let lookers = try (0..<2).map { number in
      let pause: @Sendable () -> Void = {
        looked[number].signal()
        goOn.wait()
      }
      return try DeviceLooker(pause: pause) { NVMLDevice(calls, number: number) }
    }
    #expect(looked[1].wait(timeout: .now() + 30) == .success)
    #expect(lookers[1].take().map(\.sample?[.power]) == [75])
    #expect(!lookers[0].hasLooked && lookers[0].take().isEmpty)
    // Opening it waits for who reads: the call is held there.
    let writer = open(gate, O_WRONLY)
    #expect(writer >= 0)
    #expect(looked[0].wait(timeout: .now() + 30) == .success)
    #expect(lookers[0].hasLooked && lookers[0].take().map(\.sample?[.power]) == [74])
    close(writer)
    try library.tell(["count 2"])
    for looker in lookers { looker.stop() }
    for _ in lookers { goOn.signal() }
  }

  @Test("the power limit is read again each minute of looks; one that is not told any more stays")
  func powerLimit() throws {
    let library = try StandInNVML(Self.hopper)
    var device = try Self.device(library)
    #expect(Self.sight(&device)?.powerLimitWatts == 700)
    try library.tell(Self.hopper.map { $0.hasPrefix("0.limit") ? "0.limit 500000" : $0 })
    let looks = (0..<NVMLDevice.readLimitAfter).map { _ in Self.sight(&device)?.powerLimitWatts }
    #expect(looks.dropLast().allSatisfy { $0 == 700 } && looks.last == 500)
    try library.tell(Self.hopper.filter { !$0.hasPrefix("0.limit") })
    for _ in 0..<NVMLDevice.readLimitAfter { #expect(Self.sight(&device)?.powerLimitWatts == 500) }
  }

  @Test("a driver that is loaded after the agent has started is found when it is looked for again")
  func later() throws {
    // 9: the driver is not loaded.
    let library = try StandInNVML(["init 9", "count 2"])
    let watch = DeviceWatch(DeviceCounters(), devices: 2, type: "", library: library.library)
    var pauses = 0
    let (source, lookers) = watch.find {
      pauses += 1
      // Then it is, and knows no device yet.
      let values = pauses == 1 ? ["count 0"] : Self.hopper
      do { try library.tell(values) } catch { Issue.record("\(error)") }
    }
    #expect(source == .nvmlGPM && lookers.count == 2 && pauses == 2)
    for looker in lookers { looker.stop() }
  }

  @Test("a driver that holds its start is waited for so long, and then the agent has no devices and says why")
  func hanging() throws {
    let library = try StandInNVML(["block 1"] + Self.hopper)
    #expect(mkfifo(library.folder.path + "/gate", 0o600) == 0)
    guard case .unavailable(let reason) = NVML.read(library: library.library, patience: 1) else {
      Issue.record("it has answered")
      return
    }
    #expect(reason.hasPrefix("nvmlInit_v2 of \(library.library) has not answered for"))
    #expect(reason.contains("start the agent again"))
    let held = DeviceInventory(declared: nil, library: library.library, patience: 1)
    #expect(held.count == 0 && held.type.isEmpty)
    // Both threads are let go, now or when they come to the gate.
    let gate = open(library.folder.path + "/gate", O_RDWR)
    defer { close(gate) }
    #expect(gate >= 0)
    // What answers is asked with the patience that agents have.
    try library.tell(Self.hopper)
    let found = DeviceInventory(declared: nil, library: library.library)
    #expect(found.count == 2 && found.type == "NVIDIA H100 80GB HBM3")
    #expect(DeviceInventory(declared: 3, library: "libno-such.so.1").count == 3)
  }

  @Test("without its library, or with one that lacks what every NVML has, there is a reason")
  func absent() throws {
    #expect(throws: NVMLCalls.Unavailable(reason: "libno-such.so.1 cannot be loaded")) {
      _ = try NVMLCalls(library: "libno-such.so.1")
    }
    #expect(throws: NVMLCalls.Unavailable(reason: "libm.so.6 lacks a function that NVML has had since 2013")) {
      _ = try NVMLCalls(library: "libm.so.6")
    }
  }

  @Test("each device has a thread, the node's number of them at most; the first looks say who has profiling counters")
  func lookers() throws {
    let library = try StandInNVML(Self.hopper)
    let all = try NVMLLookers(library: library.library, limit: 8)
    #expect(all.firstLooks().map(\.hasGPM) == [true, false])
    all.stop()
    let one = try NVMLLookers(library: library.library, limit: 1)
    #expect(one.all.count == 1)
    one.stop()
  }
}

@Suite struct NVMLBytesTests {
  @Test("what the profiling library wrote is read by place; failed and impossible values are left out")
  func metrics() throws {
    var bytes = GPM.request(
      from: try #require(UnsafeMutableRawPointer(bitPattern: 0x10)),
      to: try #require(UnsafeMutableRawPointer(bitPattern: 0x20)))
    #expect(
      bytes.count == 13_344
        && bytes[..<24] == [1, 0, 0, 0, 11, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20]
          + [
            UInt8
          ](repeating: 0, count: 7)
    )
    bytes.withUnsafeMutableBytes { raw in
      for (i, metric) in GPM.metrics.enumerated() {
        raw.storeBytes(of: metric.id == 2 ? 3 : 0, toByteOffset: 28 + i * 40, as: Int32.self)
        raw.storeBytes(of: metric.id == 3 ? .nan : 50, toByteOffset: 32 + i * 40, as: Double.self)
      }
    }
    let values = GPM.values(bytes)
    #expect(values[.graphics] == 0.5 && values[.tensor] == 0.5 && values[.pcieReceived] == 50)
    #expect(values[.sm] == nil && values[.occupancy] == nil && values.count == GPM.metrics.count - 2)
  }

  @Test("memory is asked for by version 2, and the used part is the last number")
  func memory() {
    var bytes = NVMLMemory.request
    #expect(bytes.count == 40 && bytes[..<4] == [0x28, 0, 0, 2])
    bytes[32] = 7
    bytes[37] = 1
    #expect(NVMLMemory.used(bytes) == 1 << 40 + 7)
    #expect(NVMLUtilisation.read([98, 0, 0, 0, 40, 0, 0, 0]) == (98, 40))
  }

  @Test("nothing told is no sample; power that is not available is not 4 million watts")
  func counters() {
    #expect(NVMLCounters().sample(seconds: 1) == nil)
    #expect(NVMLCounters(power: .max, processes: 0).sample(seconds: 1)?[.power] == nil)
    #expect(NVMLCounters(reasons: 8).sample(seconds: 1)?.isPowerCapped == false)
    #expect(NVMLCounters(reasons: 12).sample(seconds: 1)?.isPowerCapped == true)
  }
}
