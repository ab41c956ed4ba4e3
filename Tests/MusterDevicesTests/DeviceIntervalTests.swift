import Testing

@testable import MusterDevices

@Suite struct DeviceIntervalTests {
  private func interval(_ value: Double, tensor: Double? = nil, clock: Double = 1000, milliseconds: Int64 = 10_000)
    -> DeviceInterval
  {
    var sample = DeviceSample(seconds: 1)
    sample[.power] = value
    sample[.smClock] = clock
    sample[.tensor] = tensor
    return DeviceInterval([sample], times: [.working: milliseconds])
  }

  @Test("means are weighted by time, and a part without a counter changes nothing of it")
  func weights() {
    var sum = interval(100, tensor: 0.5)
    sum += interval(400, milliseconds: 30_000)
    #expect(sum[.power] == 325)
    #expect(sum[.tensor] == 0.5)
    #expect(sum[.dram] == nil)
    #expect(sum[.working] == 40_000)
    #expect(sum.milliseconds == 40_000)
  }

  @Test("the clock of the matrices is that of the time in which they were busy")
  func clock() {
    var sum = interval(100, tensor: 0.9, clock: 1400)
    sum += interval(100, tensor: 0.1, clock: 2000)
    #expect(sum.tensorClock.map { abs($0 - 1460) < 1e-9 } == true)
    #expect(sum[.smClock] == 1700)
  }

  @Test("packed and read again it is the same to the step of each counter; damage is told, never read past")
  func packing() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var samples: [DeviceSample] = []
      for second in 0..<10 {
        var sample = DeviceSample(seconds: Double(second))
        for counter in DeviceCounter.allCases where Bool.random(using: &random) {
          sample[counter] = Double.random(in: 0...1, using: &random) * (counter.isShare ? 1 : 3_000)
        }
        if sample[.memoryUsed] != nil { sample[.memoryUsed] = Double.random(in: 0...8e10, using: &random) }
        samples.append(sample)
      }
      let one = DeviceInterval(samples[...], times: [.working: 7_000, .starved: 2_500, .unknown: 500])
      let rollup = NodeRollup(start: 1_790_000_000_000, length: 10_000, source: .nvmlGPM, devices: [one, .init(), one])
      let bytes = rollup.packed()
      #expect(bytes.count < 130)
      let read = try NodeRollup(packed: bytes)
      #expect((read.start, read.length, read.source) == (rollup.start, rollup.length, .nvmlGPM))
      #expect(read.devices[1] == DeviceInterval())
      for counter in DeviceCounter.allCases {
        switch (read.devices[2][counter], one[counter]) {
        case (let a?, let b?): #expect(abs(a - b) <= counter.step / 2 + 1e-9 * b)
        case (nil, nil): break
        default: Issue.record("\(counter) is lost")
        }
      }
      #expect(read.devices[0].states == one.states)
      for end in bytes.indices { #expect(throws: PackedFault.damaged) { try NodeRollup(packed: Array(bytes[..<end])) } }
      var spoilt = bytes
      spoilt[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      _ = try? NodeRollup(packed: spoilt)  // Whatever it says: it must end.
    }
    #expect(throws: PackedFault.version(2)) { try NodeRollup(packed: [2]) }
  }

  @Test("a recorder gives all time between its samples to a state, and none to a gap")
  func recorder() {
    var recorder = DeviceRecorder(part: DevicePart.named("H100-SXM5-80GB"))
    var story = Story(interval: 1)
    story.run(.idle, seconds: 20)
    story.run(.matrices, seconds: 20)
    var sum = DeviceInterval()
    for (i, sample) in story.samples.enumerated() {
      recorder.add(sample)
      if i % 10 == 9 { sum += recorder.close() }
    }
    sum += recorder.close()
    let covered = ((story.samples.last?.seconds ?? 0) - (story.samples.first?.seconds ?? 0)) * 1000
    #expect(Double(sum.milliseconds) == covered.rounded())
    #expect(sum[.working] >= 12_000)
    #expect(sum[.idle] >= 12_000)
    #expect(sum.mainState != .unknown)

    var late = DeviceSample(seconds: 4_000)
    late[.power] = 80
    recorder.add(late)
    #expect(recorder.close().milliseconds == 0)
  }

  @Test("an idle device is no blackout; of a blackout the dark counters are in no mean")
  func dark() {
    let part = DevicePart.named("H100-SXM5-80GB")
    func told(_ load: Load, dark: Bool) -> DeviceInterval {
      var recorder = DeviceRecorder(part: part)
      var story = Story(interval: 1)
      story.run(.idle, seconds: 20)
      for sample in story.samples { recorder.add(sample) }
      _ = recorder.close()
      story.run(load, seconds: 20)
      for var sample in story.samples.suffix(20) {
        if dark { for counter in DeviceCounter.profiling where sample[counter] != nil { sample[counter] = 0 } }
        recorder.add(sample)
      }
      return recorder.close()
    }
    let idle = told(.idle, dark: true)
    #expect(idle.darkMilliseconds == 0 && idle.mainState == .idle)
    #expect(part.flatMap { idle.tflops($0) } == 0)
    var sum = told(.matrices, dark: true)
    #expect(sum.darkMilliseconds > 5_000 && sum[.tensor] == nil && sum[.power] != nil)
    #expect(part.flatMap { sum.tflops($0) } == nil)
    let lit = told(.matrices, dark: false)
    #expect(lit.darkMilliseconds == 0)
    sum += lit
    #expect(sum[.tensor] == lit[.tensor])
  }

  @Test("a job's devices: a new attempt begins anew, old ones change nothing, the sum keeps all")
  func job() {
    var job = JobDevices(deviceType: "H100-SXM5-80GB")
    func add(_ node: Int32, _ device: Int32, attempt: Int32, at start: Int64, busy: Double) {
      var sample = DeviceSample(seconds: 1)
      sample[.graphics] = busy
      let interval = DeviceInterval([sample], times: [busy > 0 ? .working : .idle: 10_000])
      let rollup = NodeRollup(start: start, length: 10_000, source: .nvmlGPM, devices: [interval])
      job.add(interval, of: device, node: node, attempt: attempt, in: rollup)
    }
    add(7, 1, attempt: 1, at: 100_000, busy: 0.5)
    add(7, 0, attempt: 1, at: 100_000, busy: 0)
    add(3, 5, attempt: 1, at: 110_000, busy: 1)
    #expect(job.devices.map(\.node) == [3, 7, 7])
    #expect(job.devices.map(\.device) == [5, 0, 1])
    #expect(job.devices.map(\.activeAt) == [120_000, 0, 110_000])
    add(9, 0, attempt: 2, at: 130_000, busy: 1)
    add(3, 5, attempt: 1, at: 140_000, busy: 1)
    #expect(job.devices.map(\.node) == [9])
    #expect(job.total.milliseconds == 40_000)
    #expect((job.from, job.to) == (100_000, 140_000))
  }
}
