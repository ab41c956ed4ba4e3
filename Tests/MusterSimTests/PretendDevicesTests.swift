import MusterCore
import MusterDevices
import Testing

@testable import MusterSim

@Suite struct PretendDevicesTests {
  private static func settings(_ nodes: Int32) -> PretendSettings { PretendWorld.settings(nodes) }

  @Test("each node tells in its turn, one interval after the other, the same however the time is cut")
  func turns() throws {
    var world = try PretendWorld(Self.settings(3))
    world.run(seconds: 1)
    let devices = PretendDevices(Self.settings(3), speed: 1)
    #expect((devices.every, devices.length) == (10_000, 10_000))
    let begin = world.now.nanoseconds / 1_000_000
    let once = devices.rollups(from: begin, to: begin + 60_000, world.controller.cluster)
    var parts: [(node: Int32, rollup: NodeRollup)] = []
    for i in 0..<60 {
      let at = begin + Int64(i) * 1_000
      parts += devices.rollups(from: at, to: at + 1_000, world.controller.cluster)
    }
    #expect(once.count == 18)
    let halves = [0..<2, 2..<9].flatMap { (nodes: Range<Int32>) in
      devices.rollups(of: nodes, from: begin, to: begin + 60_000, world.controller.cluster)
    }
    #expect(halves.map(\.node) == once.map(\.node) && halves.map(\.rollup) == once.map(\.rollup))
    for node in Int32(0)..<3 {
      let mine = once.filter { $0.node == node }.map(\.rollup)
      #expect(mine == parts.filter { $0.node == node }.map(\.rollup))
      #expect(zip(mine, mine.dropFirst()).allSatisfy { $0.start + $0.length == $1.start })
      #expect(mine.allSatisfy { $0.source == .pretended && $0.devices.count == 8 })
    }
  }

  @Test("a fleet that is too large for its speed tells less often, a minute at a time, never more than the limit")
  func bounded() throws {
    let devices = PretendDevices(Self.settings(2_000), speed: 100)
    #expect((devices.every, devices.length) == (100_000, 60_000))
    var world = try PretendWorld(Self.settings(2_000))
    world.run(seconds: 2)
    let begin = world.now.nanoseconds / 1_000_000
    // A second of the machine's time, and a long pause.
    let second = devices.rollups(from: begin, to: begin + 100_000, world.controller.cluster)
    #expect(second.count == Int(PretendDevices.mostASecond))
    #expect(devices.rollups(from: begin, to: begin + 90_000_000, world.controller.cluster).count <= 8_000)
  }

  @Test("a device that nobody holds is idle, one of a job that starts is starting, then it does what its job does")
  func states() throws {
    var world = try PretendWorld(Self.settings(1))
    world.run(seconds: 1)
    let devices = PretendDevices(Self.settings(1), speed: 1)
    func now() throws -> [DeviceState?] {
      let at = world.now.nanoseconds / 1_000_000
      let last = devices.rollups(from: at - 10_000, to: at, world.controller.cluster).last
      return try #require(last).rollup.devices.map(\.mainState)
    }
    #expect(try now() == [DeviceState?](repeating: .idle, count: 8))
    _ = try world.submit(["sleep", "2h"], devices: 3)
    world.run(seconds: 12)
    #expect(try now().prefix(3) == [.starting, .starting, .starting])
    world.run(seconds: 200)
    let running = try now()
    #expect(running.suffix(5).allSatisfy { $0 == .idle })
    #expect(Set(running.prefix(3)).count == 1 && running[0] != .starting)
  }

  @Test("most of what trains works; what is told adds up to its length")
  func loads() {
    var (works, starves) = (0, 0)
    for number in 1...1_000 {
      let role = RoleSpec(nodes: 1, devicesPerNode: 1, command: ["sleep", "1"], workingDirectory: "/")
      let spec = JobSpec(name: "tuning-\(number)", user: "user", role: role)
      let load = PretendLoad.of(spec, JobID(Int64(number)), seed: 1)
      var chance = Chance(seed: UInt64(number), purpose: 1)
      let told = load.interval(9_999, watts: 700, &chance)
      #expect(told.milliseconds == 9_999)
      #expect((70...700).contains(told[.power] ?? 0) && (told[.tensor] ?? 0) < 0.7)
      if told.mainState == .working { works += 1 }
      if told.mainState == .starved { starves += 1 }
    }
    #expect(works + starves == 1_000 && (700...800).contains(works))
  }
}
