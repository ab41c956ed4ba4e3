import Testing

@testable import MusterDevices

/// Counters that are dark for a part of the time only.
@Suite struct BlackoutTests {
  /// The first `dark` of each `period` samples.
  struct Pattern: Sendable {
    var dark: Int
    var period: Int
    var interval = 1.0

    func isDark(_ i: Int) -> Bool { i % period < dark }
  }

  static func story(_ load: Load, _ pattern: Pattern, seconds: Double = 60) -> Story {
    var story = Story(interval: pattern.interval)
    story.run(.idle, seconds: 20)
    for i in 0..<Int(seconds / pattern.interval) {
      story.run(pattern.isDark(i) ? load.dark : load, seconds: pattern.interval)
    }
    return story
  }

  @Test(
    "what is not dark tells the state and the MFU, and the flags say that there was more",
    arguments: [
      Pattern(dark: 1, period: 5), .init(dark: 1, period: 2), .init(dark: 2, period: 4), .init(dark: 3, period: 6),
      .init(dark: 10, period: 20, interval: 0.2), .init(dark: 1, period: 2, interval: 0.2),
    ])
  func partly(pattern: Pattern) throws {
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let segments = Self.story(.matrices, pattern).segments()
    #expect(segments.map(\.reading.state) == [.idle, .working], "\(segments.map(\.evidence))")
    let counted = CounterMFU(try #require(segments.last), part: part)
    #expect(abs((counted.mfu ?? 0) - 0.6893) < 0.0005 && counted.flags.contains(.partlyDark), "\(counted)")
    #expect(segments.last?.evidence.contains { $0.hasPrefix("counters dark in ") } == true)
    let copies = Self.story(.copies, pattern).segments()
    #expect(copies.map(\.reading.state) == [.idle, .memoryBound], "\(copies.map(\.evidence))")
  }

  @Test(
    "where too little is not dark the state is unknown, the evidence says so, and there is no MFU",
    arguments: [
      Pattern(dark: 2, period: 3), .init(dark: 3, period: 4), .init(dark: 4, period: 5),
      .init(dark: 9, period: 10, interval: 0.2),
    ])
  func mostly(pattern: Pattern) throws {
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let segments = Self.story(.matrices, pattern).segments()
    #expect(segments.map(\.reading.cause) == [nil, .blackout], "\(segments.map(\.evidence))")
    let last = try #require(segments.last)
    #expect(last.evidence[0].contains("98 % busy and 698 W of 700: the counters are dark"), "\(last.evidence)")
    let counted = CounterMFU(last, part: part)
    #expect(counted.mfu == nil && counted.flags.contains(.blackout), "\(counted)")
  }

  @Test(
    "a blackout of seconds is told between what is the same before and after it", arguments: [Load.matrices, .tiny])
  func between(load: Load) throws {
    var story = Story()
    for now in [Load.idle, load, load.dark, load, .idle, load.dark, .idle] { story.run(now, seconds: 15) }
    let segments = story.segments()
    #expect(
      segments.map { $0.reading.cause == .blackout } == [false, false, true, false, false, true, false],
      "\(segments.map(\.evidence))")
    for (i, segment) in segments.enumerated() { #expect(abs(segment.fromSeconds - Double(i) * 15) < 0.3) }
    #expect(segments.allSatisfy { $0.means.darkCount == 0 || $0.reading.cause == .blackout })
  }

  @Test("counters of exactly 0 at low power are a wait, not a blackout")
  func waits() {
    var story = Story(interval: 0.2)
    story.run(.idle, seconds: 10)
    var wait = Load.waiting
    wait.dram = 0
    let step = Load(
      utilisation: 0.4, graphics: 0.9, sm: 0.8, tensor: 0.3, dram: 0.4, watts: 180, clock: 1965, memory: 9, processes: 1
    )
    for i in 0..<100 { story.run(i % 4 == 0 ? step : wait, seconds: 0.2) }
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.idle, .starved], "\(segments.map(\.evidence))")
    #expect(segments.last?.means.darkCount == 0)
  }

  @Test("a trace of memory traffic beside full utilisation and power is dark, too; without both it is a wait")
  func trace() {
    var dark = Load.matrices.dark
    dark.dram = 0.00001
    let blackout = Blackout(
      thresholds: .init(), power: PowerScale(floor: 74, limit: 700))
    #expect(blackout.isDark(dark.sample(at: 0)))
    #expect(!blackout.isDark(dark.sample(at: 0, without: [.utilisation])))
    let mute = dark.dark.sample(at: 1, without: [.utilisation, .power])
    #expect(blackout.isDark(mute) && !blackout.isDark(mute, after: Load.idle.sample(at: 0)))
    dark.watts = 238
    #expect(!blackout.isDark(dark.sample(at: 0)))
  }

  @Test("a live device: dark samples are unknown time and in no mean, whatever is packed and added on the way")
  func rollups() throws {
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    var recorder = DeviceRecorder(part: part)
    var job = JobDevices(deviceType: part.name)
    var (start, idle): (Int64, Int64) = (1_000_000, 0)
    for (i, sample) in Self.story(.matrices, Pattern(dark: 2, period: 4), seconds: 120).samples.enumerated() {
      recorder.add(sample)
      guard i % 10 == 9 else { continue }
      let rollup = NodeRollup(start: start, length: 10_000, source: .nvmlGPM, devices: [recorder.close()])
      start += 10_000
      if i < 40 {
        idle += rollup.devices[0][.idle]
        continue
      }
      let read = try NodeRollup(packed: rollup.packed())
      #expect(read.devices[0].mainState == .working)
      job.add([JobDevices.Part(node: 1, devices: 1, rollup: read)], attempt: 1)
    }
    #expect(idle > 19_000)
    var bytes: [UInt8] = []
    job.pack(into: &bytes)
    var packed = PackedBytes(bytes)
    job = try JobDevices(&packed)
    let total = job.total
    #expect(total.milliseconds == 100_000 && (45_000...55_000).contains(total.darkMilliseconds))
    #expect(total[.working] + total[.unknown] == total.milliseconds && total[.unknown] == total.darkMilliseconds)
    #expect(abs((job.mfu(part) ?? 0) - 0.6893) < 0.001 && abs((total[.graphics] ?? 0) - 0.98) < 0.001)
    #expect(abs((total[.power] ?? 0) - 698) < 0.1)
    let device = try #require(job.devices.first)
    #expect(abs(device.tensor / Double(device.lit) - 0.92) < 0.001)
  }

  @Test("the power cap counts as the classifier has it: not for work far below the limit")
  func capped() {
    func capped(_ load: Load) -> Double {
      var recorder = DeviceRecorder(part: DevicePart.named("H100-SXM5-80GB"))
      for i in 0..<20 {
        var sample = load.sample(at: Double(i))
        sample.isPowerCapped = true
        recorder.add(sample)
      }
      let told = recorder.close()
      return Double(told.cappedMilliseconds) / Double(told.milliseconds)
    }
    var starved = Load.decode
    (starved.watts, starved.clock) = (238, 1967)
    #expect(capped(starved) == 0)
    #expect(capped(.matrices) == 1)
  }
}

/// The recording of known work with some of its counters at 0.
@Suite(.enabled(if: Truth.file != nil, Shared.needs)) struct RecordedBlackoutTests {
  /// - Parameter isDark: of a row, with its number among those of its phase.
  private func dark(_ rows: [Truth.Row], _ phase: String, _ isDark: (Int, Truth.Row) -> Bool) -> [Truth.Row] {
    var count = 0
    return rows.map { row in
      var row = row
      guard row.phase == phase else { return row }
      count += 1
      if isDark(count, row) {
        for counter in DeviceCounter.profiling where row.sample[counter] != nil { row.sample[counter] = 0 }
      }
      return row
    }
  }

  private func check(_ rows: [Truth.Row], _ truth: Truth, own: [String: Double]) throws {
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let segments = try truth.segments(rows, part: part.name)
    for (phase, percent) in own {
      let middle = try truth.middle(of: phase)
      let segment = try #require(segments.first { $0.fromSeconds <= middle && middle < $0.toSeconds })
      #expect(segment.reading.state == Truth.wanted[phase], "\(phase): \(segment.evidence)")
      let counted = CounterMFU(segment, part: part)
      #expect(
        abs((counted.mfu ?? 0) * 100 - percent) < 2 && counted.flags.contains(.partlyDark), "\(phase): \(counted)")
    }
  }

  @Test("two seconds of every four without counters leave every phase and its MFU as they are")
  func pulses() throws {
    let truth = try Truth()
    var rows = truth.rows
    for phase in ["gemm_bf16", "train_bf16"] {
      rows = dark(rows, phase) { _, row in Int(row.sample.seconds) % 4 < 2 }
    }
    try truth.check(rows, part: "H100-SXM5-80GB")
    try check(rows, truth, own: ["gemm_bf16": 68.2, "train_bf16": 36.04])
  }

  @Test("so do samples that are dark here and there", arguments: [0.3, 0.5], 1...3 as ClosedRange<UInt64>)
  func scattered(share: Double, seed: UInt64) throws {
    let truth = try Truth()
    var chance = Seeded(state: seed)
    var rows = truth.rows
    for phase in ["gemm_bf16", "train_bf16"] {
      rows = dark(rows, phase) { _, _ in Double.random(in: 0..<1, using: &chance) < share }
    }
    try truth.check(rows, part: "H100-SXM5-80GB")
    try check(rows, truth, own: ["gemm_bf16": 68.2, "train_bf16": 36.04])
  }

  @Test(
    "at one sample a second work with dark samples in it is never idle, starved or hung, and has its MFU or none",
    arguments: [(1, 2), (2, 4), (3, 6), (3, 4), (4, 5), (2, 3), (1, 5)], ["gemm_bf16", "train_bf16"])
  func slow(pattern: (dark: Int, period: Int), phase: String) throws {
    let truth = try Truth()
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let slow = truth.rows.indices.filter { $0 % 5 == 0 }.map { truth.rows[$0] }
    let work = Truth.work(slow.filter { $0.phase == phase })
    let (first, last) = (try #require(work.first).sample.seconds, try #require(work.last).sample.seconds)
    let rows = dark(slow, phase) { i, row in i % pattern.period < pattern.dark && row.sample.seconds >= first }
    let lit = try truth.segments(slow, part: part.name).first {
      $0.fromSeconds <= first + 5 && first + 5 < $0.toSeconds
    }
    let own = try #require(lit.flatMap { CounterMFU($0, part: part).mfu })
    #expect(abs(own * 100 - (phase == "gemm_bf16" ? 68.2 : 36.04)) < 3)
    for segment in try truth.segments(rows, part: part.name)
    where segment.toSeconds > first + 5 && segment.fromSeconds < last - 1 {
      #expect([.working, .unknown].contains(segment.reading.state), "\(segment)")
      if let mfu = CounterMFU(segment, part: part).mfu { #expect(abs(mfu - own) < 0.02, "\(segment)") }
    }
  }

  @Test("however far apart samples are, a pause of seconds is no part of the work beside it", arguments: 0..<11)
  func sparse(offset: Int) throws {
    let truth = try Truth()
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let rows = truth.rows.indices.filter { $0 % 11 == offset }.map { truth.rows[$0] }
    let segments = try truth.segments(rows, part: part.name)
    for (phase, own) in [("gemm_bf16", 68.2), ("train_bf16", 36.04)] {
      let middle = try truth.middle(of: phase)
      let segment = try #require(segments.first { $0.fromSeconds <= middle && middle < $0.toSeconds })
      let counted = CounterMFU(segment, part: part)
      #expect(segment.reading.state == .working && counted.flags.contains(.sparse), "\(counted)")
      #expect(abs((counted.mfu ?? 0) * 100 - own) < 3, "\(phase): \(segment)")
    }
  }
}
