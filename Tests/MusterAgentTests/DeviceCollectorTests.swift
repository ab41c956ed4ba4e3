import MusterDevices
import MusterMetrics
import MusterTestKit
import Testing

@testable import MusterAgent

@Suite struct IntervalClockTests {
  @Test(
    "an interval is over at the next whole ten seconds, and not twice",
    arguments: [
      ("within", [1_003_000, 1_009_999], [.goOn, .goOn]),
      ("at its end", [1_010_000, 1_010_001, 1_020_000], [.close(start: 1_000_000), .goOn, .close(start: 1_010_000)]),
      ("after a sleep", [1_234_567, 1_239_999], [.close(start: 1_000_000), .goOn]),
      ("set back a little", [1_010_500, 1_009_900, 1_010_100], [.close(start: 1_000_000), .goOn, .goOn]),
      ("set back far", [1_010_500, 900_000, 910_000], [.close(start: 1_000_000), .discard, .close(start: 900_000)]),
    ] as [(String, [Int64], [IntervalClock.Step])])
  func steps(name: String, walls: [Int64], wanted: [IntervalClock.Step]) {
    var clock = IntervalClock(wall: 1_002_000)
    let steps = walls.map { clock.step(wall: $0) }
    #expect(steps == wanted, "\(name)")
  }

  @Test(
    "a pause ends behind the next whole second", arguments: [(0, 1_000), (1, 999), (499, 501), (500, 500), (999, 1)])
  func pauses(passed: Int64, wanted: Int64) {
    #expect(WallTime.untilSecond(plus: 0, from: 1_700_000_000_000 + passed) == wanted)
    #expect(WallTime.untilSecond(plus: 500, from: 1_700_000_000_500 + passed) == wanted)
  }
}

@Suite struct DeviceCollectorTests {
  static func look(_ device: Int, at seconds: Double, watts: Double? = 74, model: String = "") -> DeviceLook {
    var look = DeviceLook(device: device, model: model)
    guard let watts else { return look }
    var sample = DeviceSample(seconds: seconds)
    sample[.power] = watts
    sample[.graphics] = 0
    sample[.tensor] = 0
    sample[.dram] = 0
    look.sample = sample
    return look
  }

  @Test("a power limit that is set anew is what power is measured against from then on")
  func powerLimit() {
    func story(_ limits: [Double?]) -> [DeviceInterval] {
      var collector = DeviceCollector(source: .nvmlGPM, devices: 1, type: "", wall: 1_000_000, now: 0)
      for second in 0..<30 {
        // A kernel that is resident and does nothing, unless this is much power: of 700 W it is not, of 350 W it is.
        var look = Self.look(0, at: Double(second), watts: 150)
        look.sample?[.graphics] = 1
        look.sample?[.sm] = 1
        look.powerLimitWatts = limits[min(second / 10, limits.count - 1)]
        collector.take(look)
      }
      return collector.close(wall: 1_010_500)?.devices ?? []
    }
    let (high, low) = (story([700]), story([700, 350]))
    #expect(high.count == 1 && low.count == 1 && high[0][.hung] > low[0][.hung])
  }

  @Test("ten seconds of looks are an interval; a device that never answered keeps its place")
  func interval() throws {
    var collector = DeviceCollector(source: .nvmlGPM, devices: 3, type: "", wall: 1_000_000, now: 0)
    for second in 0...10 {
      collector.take(Self.look(0, at: Double(second), watts: 70 + Double(second)))
      collector.take(Self.look(2, at: Double(second)))
      collector.take(Self.look(1, at: Double(second), watts: nil))
      collector.take(Self.look(7, at: Double(second)))
      guard second < 10 else { continue }
      let early = collector.close(wall: 1_000_500 + Int64(second) * 1000)
      #expect(early == nil)
    }
    let closed = collector.close(wall: 1_010_500)
    let rollup = try #require(closed)
    #expect(rollup.start == 1_000_000 && rollup.length == 10_000 && rollup.source == .nvmlGPM)
    #expect(rollup.devices.map(\.milliseconds) == [10_000, 0, 10_000])
    #expect(rollup.devices[0][.power] == 75 && rollup.devices[2][.power] == 74)
    // At first it is not certain.
    #expect(rollup.devices[2][.unknown] > 0)
    #expect(try NodeRollup(packed: rollup.packed()).devices.count == 3)
    // Nothing is told of twice.
    let next = collector.close(wall: 1_020_500)
    #expect(next?.devices.map(\.milliseconds) == [0, 0, 0])
  }

  @Test("what was collected before a clock was set far back is told of by nobody")
  func setBack() {
    var collector = DeviceCollector(source: .nvml, devices: 1, type: "", wall: 1_000_000, now: 0)
    for second in 0...5 { collector.take(Self.look(0, at: Double(second))) }
    let discarded = collector.close(wall: 500_000)
    #expect(discarded == nil)
    for second in 6...9 { collector.take(Self.look(0, at: Double(second))) }
    let rollup = collector.close(wall: 510_000)
    #expect(rollup?.start == 500_000 && rollup?.devices.map(\.milliseconds) == [4_000])
  }

  @Test("a device that has answered for a while is in a state; one that went silent is unknown")
  func states() {
    var collector = DeviceCollector(source: .nvmlGPM, devices: 2, type: "GPU", wall: 0, now: 0)
    for second in 0...12 { collector.take(Self.look(0, at: Double(second), model: "NVIDIA H200")) }
    let now = collector.devices(now: 12.5)
    #expect(now.map(\.state) == [.idle, .unknown] && now.map(\.model) == ["NVIDIA H200", "GPU"])
    #expect(now[0].sample?[.power] == 74 && now[1].sample == nil)
    #expect(collector.devices(now: 22).map(\.state) == [.idle, .unknown])
    let silent = collector.devices(now: 22.5)
    #expect(silent.map(\.state) == [.unknown, .unknown] && silent[0].sample == nil && silent[0].number == 0)
  }

  @Test("a device that falls silent is told of once, and so is that it answers again")
  func news() {
    var collector = DeviceCollector(source: .nvml, devices: 3, type: "", wall: 0, now: 100)
    collector.take(Self.look(0, at: 108))
    var told: [[String]] = []
    for now in [110.0, 110.5, 111, 118.5] { told.append(collector.news(now: now)) }
    collector.take(Self.look(2, at: 119))
    told.append(collector.news(now: 119))
    #expect(
      told == [
        [], ["devices that have not answered for 10 s: 1, 2"], [], ["devices that have not answered for 10 s: 0"],
        ["devices that answer again: 2"],
      ])
  }

  @Test("more devices than a rollup holds are not measured")
  func many() {
    #expect(DeviceCollector(source: .nvml, devices: 80, type: "", wall: 0, now: 0).devices(now: 0).count == 64)
    #expect(DeviceCollector(source: .nvml, devices: -1, type: "", wall: 0, now: 0).devices(now: 0).isEmpty)
  }
}

@Suite struct RollupQueueTests {
  @Test("the oldest goes first, one a second")
  func order() {
    var queue = RollupQueue()
    let early = queue.next(now: 5)
    queue.add([1])
    queue.add([2])
    let taken = [10, 1_009, 1_010, 9_999].map { queue.next(now: $0) }
    #expect(early == nil && taken == [[1], nil, [2], nil])
    #expect(queue.sent == 2 && queue.dropped == 0)
  }

  @Test("five minutes wait for a controller; what is older is dropped, and counted")
  func limit() {
    var queue = RollupQueue()
    for number in 0..<33 { queue.add([UInt8(number)]) }
    let left = (0...40).compactMap { queue.next(now: $0 * 1_000) }
    #expect(left == (3..<33).map { [UInt8($0)] } && queue.sent == 30 && queue.dropped == 3)
  }
}

@Suite struct DeviceSourceTests {
  @Test(
    "NVML with profiling counters, else an exporter that was given, else plain NVML, else nothing",
    arguments: [
      ([], nil, .dcgmExporter), ([true, false], .nvmlGPM, .nvmlGPM), ([nil, true], .nvmlGPM, .nvmlGPM),
      ([false, false], .nvml, .dcgmExporter), ([nil], .nvml, .dcgmExporter),
    ] as [([Bool?], DeviceSource?, DeviceSource?)])
  func order(gpm: [Bool?], alone: DeviceSource?, besideAnExporter: DeviceSource?) throws {
    var counters = DeviceCounters()
    #expect(counters.source(gpm: gpm) == alone)
    counters.exporter = ExporterAddress(url: "http://127.0.0.1")
    #expect(counters.source(gpm: gpm) == besideAnExporter)
    counters.recording = try Recording(file: Array("t_s,power_mw\n0,1\n".utf8))
    #expect(counters.source(gpm: gpm) == .recording)
  }
}

@Suite struct RecordingPlayerTests {
  static func player(_ rows: [String], devices: Int = 2) throws -> RecordingPlayer {
    let file = "t_s,phase,power_mw\n" + rows.map { $0 + "\n" }.joined()
    return RecordingPlayer(try Recording(file: Array(file.utf8)), devices: devices, begunAt: 100)
  }

  @Test("the sample of the moment is shown at the moment's time, and after the last one the first again")
  func plays() throws {
    let player = try Self.player(["10,a,1000", "11,b,2000", "12,c,3000"])
    #expect(player.length == 3)
    for (now, watts) in [(99.0, 1.0), (100, 1), (100.9, 1), (101, 2), (102.5, 3), (103, 1), (104.2, 2), (3_102, 3)] {
      let sample = try #require(player.sample(at: now))
      #expect(sample[.power] == watts && sample.seconds == now, "at \(now)")
    }
  }

  @Test("every device plays it; one sample stays, a file without any is refused")
  func few() throws {
    var one = try Self.player(["10,a,1000"])
    #expect(one.sample(at: 5_000)?[.power] == 1)
    let looks = one.look()
    #expect(looks.map(\.device) == [0, 1] && looks.map { $0.sample?[.power] } == [1, 1])
    #expect(throws: RecordingProblem.self) { try Self.player([]) }
  }
}

@Suite struct DeviceFiguresTests {
  /// A device of which everything is measured.
  static let figures: DeviceFigures = {
    var sample = DeviceSample(seconds: 1)
    for counter in DeviceCounter.allCases { sample[counter] = 0.5 }
    sample[.power] = 698.5
    sample[.memoryUsed] = 3_145_728
    let device = DeviceNow(number: 3, model: "NVIDIA H100", state: .working, sample: sample)
    return DeviceFigures(node: "n1", source: .nvmlGPM, devices: [device], sent: 7, dropped: 2)
  }()

  @Test("a device's figures are in the units of dcgm-exporter, with its labels")
  func units() {
    let text = String(decoding: Exposition.text(Self.figures.families, .text), as: UTF8.self)
    let labels = #"{gpu="3",modelName="NVIDIA H100",Hostname="n1"}"#
    for line in [
      "DCGM_FI_DEV_GPU_UTIL\(labels) 50.0", "DCGM_FI_DEV_POWER_USAGE\(labels) 698.5",
      "DCGM_FI_DEV_FB_USED\(labels) 3.0",
      "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE\(labels) 0.5", "DCGM_FI_PROF_PCIE_TX_BYTES\(labels) 524288.0",
      #"muster_device_state{gpu="3",state="working"} 1"#, #"muster_device_state{gpu="3",state="hung"} 0"#,
      #"muster_agent_device_source_info{source="nvml-gpm"} 1"#, #"muster_agent_rollups_total{result="dropped"} 2"#,
    ] {
      #expect(text.contains("\n" + line + "\n"), "\(line) in \(text)")
    }
  }

  @Test("what was not measured has no series, never 0; a node without a source tells nothing")
  func notMeasured() {
    var figures = Self.figures
    figures.devices[0].sample?[.tensor] = nil
    #expect(figures.families.count == Self.figures.families.count - 1)
    figures.devices[0].sample = nil
    #expect(
      figures.families.map(\.name) == ["muster_agent_device_source", "muster_agent_rollups", "muster_device_state"])
    figures.source = nil
    #expect(figures.families.isEmpty)
  }
}
