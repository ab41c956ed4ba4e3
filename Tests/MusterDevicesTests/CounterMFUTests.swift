import Testing

@testable import MusterDevices

@Suite struct CounterMFUTests {
  static func mfu(_ story: Story, _ name: String = "H100-SXM5-80GB") throws -> CounterMFU {
    let part = try #require(DevicePart.named(name))
    let segment = try #require(story.segments(name).last)
    return CounterMFU(segment, part: part)
  }

  @Test("tensor activity counts at the clock that it had")
  func clock() throws {
    var story = Story()
    story.run(.idle, seconds: 10)
    story.run(.matrices, seconds: 20)
    let counted = try Self.mfu(story)
    // 0.92 x 132 x 4096 x 1371 MHz = 681.9 TFLOP/s; without the clock it would be 910.
    #expect(abs((counted.tflops ?? 0) - 681.97) < 0.1 && abs((counted.mfu ?? 0) - 0.6893) < 0.0005, "\(counted)")
  }

  @Test("a slow clock in time in which nothing ran does not count")
  func weightedClock() {
    var (fast, slow) = (Load.matrices, Load.idle)
    (fast.clock, slow.clock) = (1_900, 345)
    #expect(DeviceMeans([fast.sample(at: 0), slow.sample(at: 1)]).tensorClock == 1_900)
  }

  @Test("few FLOP a byte are padded tiles, many are not")
  func padding() throws {
    for (load, flags) in [(Load.decode, [CounterMFU.Flag.memoryBound, .paddedTiles]), (.copies, [.memoryBound])] {
      var story = Story()
      story.run(load, seconds: 20)
      #expect(try Self.mfu(story).flags == flags)
    }
  }

  @Test("counters that are dark or not measured make no number")
  func nothing() throws {
    var story = Story()
    story.run(.matrices.dark, seconds: 20)
    let dark = try Self.mfu(story)
    #expect(dark.flags == [.powerCapped, .blackout] && dark.mfu == nil && dark.tensorActivity == nil)
    story = Story(missing: [.smClock])
    story.run(.copies, seconds: 20)
    #expect(try Self.mfu(story).flags == [.memoryBound, .notMeasured])
  }
}
