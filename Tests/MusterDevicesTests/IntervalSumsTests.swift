import Testing

@testable import MusterDevices

@Suite struct IntervalSumsTests {
  private func interval(_ state: DeviceState, _ load: Load, milliseconds: Int64 = 10_000) -> DeviceInterval {
    DeviceInterval([load.sample(at: 1)], times: [state: milliseconds])
  }

  @Test("an hour in single precision is the hour in double to five digits, its milliseconds exactly")
  func hour() {
    var sums = IntervalSums()
    var whole = DeviceInterval()
    for i in 0..<360 {
      let next = i % 3 == 0 ? interval(.starved, .waiting) : interval(.working, .matrices)
      sums.add(next, at: 2)
      whole += next
    }
    #expect(sums.deviceCount == 3)
    #expect(sums[0] == DeviceInterval())
    #expect(sums[2].milliseconds == 3_600_000 && sums[2].states == whole.states)
    for counter in DeviceCounter.allCases {
      let (a, b) = (sums[2][counter], whole[counter])
      #expect((a == nil) == (b == nil), "\(counter)")
      #expect(abs((a ?? 0) - (b ?? 0)) <= 1e-5 * abs(b ?? 0), "\(counter)")
    }
    #expect(abs((sums[2].tensorClock ?? 0) - 1371) < 0.1)
    sums.removeAll()
    #expect(sums.deviceCount == 0)
  }
}

@Suite struct JobDevicesPartsTests {
  private func rollup(_ start: Int64, devices: Int, _ load: Load = .matrices) -> NodeRollup {
    let one = DeviceInterval([load.sample(at: 1)], times: [.working: 10_000])
    return NodeRollup(
      start: start, length: 10_000, source: .nvmlGPM, devices: [DeviceInterval](repeating: one, count: devices))
  }

  @Test("many at once are the same as one by one, in any order of their coming")
  func parts() {
    var random = Seeded(state: 7)
    var (atOnce, single) = (JobDevices(deviceType: "H100-SXM5-80GB"), JobDevices(deviceType: "H100-SXM5-80GB"))
    for round in 0..<4 {
      var parts: [JobDevices.Part] = []
      for node in (0..<40).shuffled(using: &random).prefix(25).sorted() {
        let devices = UInt64.random(in: 1...255, using: &random)
        parts.append(
          JobDevices.Part(node: Int32(node), devices: devices, rollup: rollup(Int64(round) * 10_000 + 1, devices: 8)))
      }
      atOnce.add(parts, attempt: 1)
      for part in parts {
        for i in 0..<8 where part.devices >> UInt64(i) & 1 == 1 {
          single.add(part.rollup.devices[i], of: Int32(i), node: part.node, attempt: 1, in: part.rollup)
        }
      }
    }
    #expect(atOnce == single)
    #expect(atOnce.devices.count > 100)
  }

  @Test("what was not held, or is of a device that the rollup does not have, does not count")
  func masks() {
    var job = JobDevices(deviceType: "")
    job.add([JobDevices.Part(node: 3, devices: 0b1010, rollup: rollup(5, devices: 3))], attempt: 2)
    #expect(job.devices.map(\.device) == [1] && job.total.milliseconds == 10_000)
    job.add([JobDevices.Part(node: 4, devices: 1, rollup: rollup(5, devices: 3))], attempt: 1)
    #expect(job.devices.count == 1 && job.attempt == 2)
  }

  @Test("packed and read again it is the same; damage is told")
  func packing() throws {
    var job = JobDevices(deviceType: "NVIDIA H100 80GB HBM3")
    job.add(
      [9, 70_000].map { JobDevices.Part(node: $0, devices: 255, rollup: rollup(1_790_000_000_000, devices: 8)) },
      attempt: 3)
    job.add(
      [JobDevices.Part(node: 9, devices: 1, rollup: rollup(1_790_000_010_000, devices: 1, .idle))], attempt: 3)
    var bytes: [UInt8] = []
    job.pack(into: &bytes)
    #expect(bytes.count < 120 + 25 * job.devices.count)
    var packed = PackedBytes(bytes)
    let read = try JobDevices(&packed)
    #expect(packed.isAtEnd)
    #expect(read.devices == job.devices)
    #expect((read.from, read.to, read.source, read.attempt) == (job.from, job.to, job.source, job.attempt))
    #expect(read.deviceType == job.deviceType && read.total.states == job.total.states)
    for end in bytes.indices {
      #expect(throws: PackedFault.self) {
        var cut = PackedBytes(Array(bytes[..<end]))
        _ = try JobDevices(&cut)
      }
    }
  }
}
