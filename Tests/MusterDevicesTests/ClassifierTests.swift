import Testing

@testable import MusterDevices

@Suite struct ClassifierTests {
  @Test(
    "each kind of load is told by its own name, from where it began, at any rate of sampling",
    arguments: [
      (Load.matrices, DeviceState.working), (.vectors, .working), (.copies, .memoryBound), (.decode, .memoryBound),
      (.tiny, .launchBound), (.spin, .hung),
    ], [0.1, 0.2, 1, 2, 10])
  func kinds(kind: (load: Load, state: DeviceState), interval: Double) {
    let (load, state) = kind
    var story = Story(interval: interval)
    story.run(.idle, seconds: 20 * max(1, interval))
    let begin = story.samples.count
    story.run(load, seconds: 20 * max(1, interval))
    for part in ["H100-SXM5-80GB", nil] {
      let segments = story.segments(part)
      #expect(segments.map(\.reading.state) == [.idle, state], "\(segments.map(\.evidence))")
      #expect(segments.last?.fromSeconds == story.samples[begin].seconds)
    }
  }

  @Test("a loop that waits most of the time is starved, although most of its samples show nothing")
  func starved() {
    var story = Story()
    story.run(.idle, seconds: 8)
    story.runStarved(seconds: 20)
    story.run(.idle, seconds: 8)
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.idle, .starved, .idle])
    #expect(segments[1].evidence[0].contains("18 % busy"), "\(segments[1].evidence)")
  }

  @Test("loads that follow each other without a pause are told apart, with nothing in between")
  func adjoining() {
    var story = Story()
    for load in [Load.matrices, .spin, .copies, .tiny, .decode, .matrices] { story.run(load, seconds: 12) }
    #expect(story.states() == [.working, .hung, .memoryBound, .launchBound, .memoryBound, .working])
    for (i, segment) in story.segments().enumerated() {
      #expect(abs(segment.fromSeconds - Double(i) * 12) < 0.3)
    }
  }

  @Test("a process that loads and compiles is starting, and never hung")
  func starting() {
    var story = Story()
    story.run(.idle, seconds: 8)
    story.run(.loading, seconds: 10)
    story.run(.waiting, seconds: 60)
    story.run(.matrices, seconds: 10)
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.idle, .starting, .working])
    #expect(segments[1].evidence.contains("it holds 9.0 GiB"))
  }

  @Test("a process that holds memory for an hour and runs nothing is idle")
  func neverUsed() {
    var story = Story(interval: 10)
    story.run(.idle, seconds: 60)
    story.run(.waiting, seconds: 4_000)
    #expect(story.states() == [.idle, .starting, .idle])
  }

  @Test("a pause to write a checkpoint is idle and no hang; one that is shorter than 3 s is not told")
  func checkpoint() {
    var story = Story()
    story.run(.matrices, seconds: 20)
    story.run(.waiting, seconds: 2)
    story.run(.matrices, seconds: 20)
    story.run(.waiting, seconds: 30)
    story.run(.matrices, seconds: 20)
    #expect(story.states() == [.working, .idle, .working])
  }

  @Test("a kernel that waits 5 s for a slow peer is no hang; one that waits 7 s is", arguments: [5.0, 7.0])
  func slowPeer(seconds: Double) {
    var story = Story()
    story.run(.matrices, seconds: 20)
    story.run(.spin, seconds: seconds)
    story.run(.matrices, seconds: 20)
    #expect(story.states().contains(.hung) == (seconds > 6))
  }

  @Test("a hang from the first sample on is told after 6 s, not before")
  func hungFromTheStart() {
    var classifier = DeviceClassifier(part: .named("H100-SXM5-80GB"))
    var told: [Double] = []
    for i in 0..<60 {
      let changes = classifier.add(Load.spin.sample(at: Double(i) * 0.2))
      if changes.contains(where: { $0.reading.state == .hung }) { told.append(Double(i) * 0.2) }
    }
    #expect(told.count == 1 && told[0] >= 6 && told[0] < 7, "\(told)")
    #expect(classifier.evidence[0] == "power 127 W of 700, 100 % busy, SM 6 %, tensor 0 %, DRAM 0 %: a kernel spins")
  }

  @Test(
    "counters that go dark are a blackout and never called waste, whatever the load",
    arguments: [Load.matrices, .copies, .decode, .spin, .tiny])
  func blackout(load: Load) {
    var story = Story()
    story.run(.idle, seconds: 10)
    story.run(load.dark, seconds: 20)
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.idle, .unknown])
    #expect(segments.last?.reading.cause == .blackout)
    #expect(segments.last?.evidence.first?.contains("dark") == true)
  }

  @Test("without utilisation a blackout is told by power, and a card at its idle floor is idle, not dark")
  func blackoutByPower() {
    var story = Story(missing: [.utilisation])
    story.run(.idle.dark, seconds: 10)
    story.run(.matrices.dark, seconds: 10)
    #expect(story.segments().map(\.reading.cause) == [nil, .blackout])
  }

  @Test("time without samples is unknown, and what comes after it is judged anew")
  func silence() {
    var story = Story()
    story.run(.matrices, seconds: 20)
    story.pause(seconds: 40)
    story.run(.copies, seconds: 20)
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.working, .unknown, .memoryBound])
    #expect(segments[1].reading.cause == .silent)
    #expect(segments[1].evidence == ["no sample for 40.2 s"])
  }

  @Test("a sample whose time goes back or is no number is passed over")
  func badTimes() {
    var classifier = DeviceClassifier()
    for i in 0..<20 { _ = classifier.add(Load.matrices.sample(at: Double(i))) }
    #expect(classifier.add(Load.idle.sample(at: 3)).isEmpty)
    #expect(classifier.add(Load.idle.sample(at: .nan)).isEmpty)
    #expect(classifier.reading.state == .working)
  }

  @Test(
    "where neither memory nor power is measured, a copy is not taken for a hang",
    arguments: [[DeviceCounter.dram, .memoryUtilisation], [.dram, .memoryUtilisation, .power], [.tensor, .power]])
  func halfBlind(missing: [DeviceCounter]) {
    var story = Story(missing: Set(missing))
    story.run(.idle, seconds: 10)
    story.run(missing.contains(.tensor) ? .vectors : .copies, seconds: 20)
    #expect(story.states() != [.idle, .hung], "\(story.states())")
    #expect(story.states().count == 2)
  }

  /// Of parts that have no profiling counters.
  static let profiling = Set(DeviceCounter.profiling)

  @Test(
    "without profiling counters what can be told is told, the rest is unknown, and the evidence says so",
    arguments: [
      (Load.matrices, DeviceState.working), (.copies, .memoryBound), (.spin, .hung), (.tiny, .launchBound),
      (.decode, .unknown),
    ])
  func olderParts(load: Load, state: DeviceState) {
    var story = Story(missing: Self.profiling)
    story.run(.idle, seconds: 10)
    story.run(load, seconds: 20)
    let segments = story.segments()
    #expect(segments.map(\.reading.state) == [.idle, state])
    #expect(segments.last?.evidence.contains { $0.hasPrefix("no profiling counters") } == true)
  }

  @Test("without profiling counters and power a hang is not claimed")
  func utilisationAlone() {
    var story = Story(missing: Self.profiling.union([.power]))
    story.run(.idle, seconds: 10)
    story.run(.spin, seconds: 20)
    #expect(story.segments().map(\.reading.cause) == [nil, .notMeasured])
  }

  @Test("another part with other levels: the floor is its own", arguments: ["A100-SXM4-80GB", nil])
  func otherPart(part: String?) {
    var story = Story(missing: Self.profiling)
    var (idle, spin, work) = (Load.idle, Load.spin, Load.matrices)
    (idle.watts, spin.watts, work.watts) = (55, 90, 380)
    for (load, seconds) in [(idle, 10.0), (spin, 12), (work, 12)] { story.run(load, seconds: seconds) }
    #expect(story.states(part) == [.idle, .hung, .working])
    let scale = story.segments(part)[1].evidence.last ?? ""
    #expect(scale.contains("idle floor 55 W, learned"))
    #expect(scale.contains(part == nil ? "not known, taken as 495 W" : "400 W, of A100-SXM4-80GB"))
  }
}
