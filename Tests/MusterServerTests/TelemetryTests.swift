import MusterCore
import MusterDevices
import Testing

@testable import MusterServer

/// Rollups as agents would send them.
enum Told {
  static let begin: Int64 = 1_790_000_040_000

  static func device(_ state: DeviceState, busy: Double, watts: Double = 500, milliseconds: Int64 = 10_000)
    -> DeviceInterval
  {
    var sample = DeviceSample(seconds: 1)
    sample[.graphics] = busy
    sample[.tensor] = busy / 2
    sample[.power] = watts
    return DeviceInterval([sample], times: [state: milliseconds])
  }

  static func rollup(
    _ start: Int64, length: Int64 = 10_000, devices: Int = 8, state: DeviceState = .working, busy: Double = 0.8
  ) -> NodeRollup {
    let one = device(state, busy: busy, milliseconds: length)
    return NodeRollup(
      start: start, length: length, source: .recording, devices: [DeviceInterval](repeating: one, count: devices))
  }

  static func parcel(_ node: Int32, _ rollup: NodeRollup, devices: Int32 = 8) -> RollupInbox.Parcel {
    RollupInbox.Parcel(node: node, devices: devices, bytes: rollup.packed())
  }

  static func held(_ node: Int32, by job: Int64, since: Int64, devices: UInt64 = 255, attempt: Int32 = 1) -> HeldDevices
  {
    var held = HeldDevices()
    held.nodes[node] = [HeldDevices.Holder(job: job, attempt: attempt, since: since, devices: devices)]
    held.deviceTypes[job] = "H100-SXM5-80GB"
    return held
  }
}

@Suite struct DeviceFoldTests {
  private func count(_ fold: DeviceFold, _ result: RollupResult) -> Int64 { fold.counts[result.index] }

  @Test(
    "what cannot be right is counted and not kept",
    arguments: [
      (Told.rollup(Told.begin - 600_001), RollupResult.clock), (Told.rollup(Told.begin + 600_001), .clock),
      (Told.rollup(Told.begin, length: 999), .length), (Told.rollup(Told.begin, length: 60_001), .length),
      (Told.rollup(Told.begin, devices: 9), .devices), (Told.rollup(Told.begin), .kept),
      (Told.rollup(Told.begin - 600_000, length: 60_000, devices: 0), .kept),
    ])
  func validation(rollup: NodeRollup, result: RollupResult) {
    var fold = DeviceFold()
    fold.take([Told.parcel(3, rollup)], HeldDevices(), now: Told.begin)
    #expect(count(fold, result) == 1 && fold.counts.reduce(0, +) == 1)
    #expect((fold.nodes.last.flatMap { $0 } != nil) == (result == .kept))
  }

  @Test("bytes that are no rollup are counted as damaged; a rollup that a node said already is not summed again")
  func damagedAndRepeated() {
    var fold = DeviceFold()
    let rollup = Told.rollup(Told.begin)
    fold.take(
      [RollupInbox.Parcel(node: 0, devices: 8, bytes: [1, 2, 3]), Told.parcel(1, rollup), Told.parcel(1, rollup)],
      Told.held(1, by: 5, since: Told.begin), now: Told.begin)
    #expect(count(fold, .damaged) == 1 && count(fold, .kept) == 1 && count(fold, .repeated) == 1)
    #expect(fold.jobs[5]?.devices.total.milliseconds == 80_000)
  }

  @Test("parcels are taken by node, each one's in the order in which they came, and in slices they come to the same")
  func slices() {
    let parcels = [(7, 0), (3, 0), (7, 10_000), (3, 10_000)].map { node, at in
      Told.parcel(Int32(node), Told.rollup(Told.begin + Int64(at)))
    }
    let sorted = DeviceFold.byNode(parcels)
    #expect(sorted.map(\.node) == [3, 3, 7, 7])
    #expect(sorted.map(\.bytes) == [parcels[1], parcels[3], parcels[0], parcels[2]].map(\.bytes))
    var held = Told.held(3, by: 5, since: Told.begin)
    held.nodes[7] = held.nodes[3]
    var (whole, cut) = (DeviceFold(), DeviceFold())
    whole.take(sorted, held, now: Told.begin + 20_000)
    for parcel in sorted { cut.take([parcel], held, now: Told.begin + 20_000) }
    #expect(whole.jobs[5]?.devices == cut.jobs[5]?.devices && whole.jobs[5]?.devices.devices.count == 16)
  }

  @Test("an interval counts for a job if its attempt held the device for all of it")
  func joined() {
    var fold = DeviceFold()
    let held = Told.held(2, by: 5, since: Told.begin + 1, devices: 0b0110)
    fold.take([Told.parcel(2, Told.rollup(Told.begin))], held, now: Told.begin + 10_000)
    #expect(fold.jobs.isEmpty)
    fold.take([Told.parcel(2, Told.rollup(Told.begin + 10_000))], held, now: Told.begin + 20_000)
    #expect(fold.jobs[5]?.devices.devices.map(\.device) == [1, 2])
    #expect(fold.jobs[5]?.devices.total.milliseconds == 20_000)
    #expect(fold.jobs[5]?.devices.deviceType == "H100-SXM5-80GB")
    fold.take([Told.parcel(2, Told.rollup(Told.begin + 20_000))], HeldDevices(), now: Told.begin + 30_000)
    #expect(fold.jobs[5]?.devices.total.milliseconds == 20_000)
  }

  @Test("ten seconds add up to a minute and an hour of the node, and to a minute of the job")
  func sums() throws {
    var fold = DeviceFold()
    let hour = Told.begin / 3_600_000 * 3_600_000
    let held = Told.held(0, by: 9, since: hour)
    for i in 0..<366 {
      let start = hour + Int64(i) * 10_000
      fold.take(
        [Told.parcel(0, Told.rollup(start, busy: i % 2 == 0 ? 1 : 0.5))], held, now: start + 10_000)
      _ = fold.close(now: start + 10_000)
    }
    let minutes = try fold.rows[.minute].map { try NodeRollup(packed: $0.bytes) }
    #expect(minutes.count == 60 && minutes[0].start == hour && minutes[59].start == hour + 59 * 60_000)
    #expect(minutes.allSatisfy { $0.devices.count == 8 && $0.devices[7].milliseconds == 60_000 })
    #expect(minutes.allSatisfy { abs(($0.devices[0][.graphics] ?? 0) - 0.75) < 0.001 && $0.source == .recording })
    #expect(fold.rows[.hour].isEmpty)
    // The hour is closed with the first minute of the next one.
    fold.take([Told.parcel(0, Told.rollup(hour + 3_660_000))], held, now: hour + 3_670_000)
    let hours = try fold.rows[.hour].map { try NodeRollup(packed: $0.bytes) }
    #expect(hours.map(\.start) == [hour] && hours.first?.devices[3].milliseconds == 3_600_000)
    #expect(fold.rows[.sent].count == 367)
    let job = try fold.rows[.jobs].map { try NodeRollup(packed: $0.bytes) }
    #expect(job.prefix(60).allSatisfy { $0.devices.map(\.milliseconds) == [480_000] })
    let total = try #require(fold.jobs[9]).devices.total.milliseconds
    #expect(total == 367 * 80_000)
  }

  @Test(
    "what a job's devices did of late is that of its open minutes, then of the last one; of one that is silent nothing")
  func recent() {
    var fold = DeviceFold()
    let held = Told.held(0, by: 9, since: Told.begin)
    let begin = Told.begin / 60_000 * 60_000 + 60_000
    for i in 0..<12 {
      let start = begin + Int64(i) * 10_000
      fold.take([Told.parcel(0, Told.rollup(start, busy: i < 6 ? 0.2 : 0.6))], held, now: start + 10_000)
    }
    func busy(_ at: Int64, fresh: Int64 = 90_000) -> Double? {
      fold.jobs[9]?.recent(now: begin + at, fresh: fresh).flatMap { $0[.graphics] }
    }
    #expect(abs((busy(120_000) ?? 0) - 0.4) < 0.001)
    _ = fold.close(now: begin + 120_000)
    #expect(abs((busy(120_000) ?? 0) - 0.6) < 0.001)
    _ = fold.close(now: begin + 160_000)
    #expect(abs((busy(160_000) ?? 0) - 0.6) < 0.001)
    #expect(busy(210_001) == nil && busy(210_001, fresh: 100_000) != nil)
  }

  @Test("a node of which no job holds a device leaves no 10 s rows; one that falls silent has its minute closed")
  func silent() {
    var fold = DeviceFold()
    fold.take([Told.parcel(0, Told.rollup(Told.begin))], HeldDevices(), now: Told.begin + 10_000)
    _ = fold.close(now: Told.begin + 90_000)
    #expect(fold.rows[.sent].isEmpty && fold.rows[.minute].isEmpty)
    _ = fold.close(now: Told.begin + 100_001)
    #expect(fold.rows[.minute].count == 1 && fold.rows[.hour].isEmpty)
    _ = fold.close(now: Told.begin + 3_700_000)
    #expect(fold.rows[.hour].count == 1)
  }

  @Test("a job that is quiet is put away, and goes on from there")
  func quiet() {
    var fold = DeviceFold()
    let held = Told.held(0, by: 4, since: Told.begin)
    fold.take([Told.parcel(0, Told.rollup(Told.begin))], held, now: Told.begin + 10_000)
    #expect(fold.close(now: Told.begin + 300_000).isEmpty)
    #expect(fold.close(now: Told.begin + 310_001, quiet: 400_000).isEmpty)
    let quiet = fold.close(now: Told.begin + 310_001)
    #expect(quiet[4]?.total.milliseconds == 80_000 && fold.jobs.isEmpty && fold.rows[.jobs].count == 1)
    if let devices = quiet[4] { fold.restore(4, devices, now: Told.begin + 400_000) }
    fold.take(
      [Told.parcel(0, Told.rollup(Told.begin + 400_000))], Told.held(0, by: 4, since: Told.begin, attempt: 2),
      now: Told.begin + 410_000)
    #expect(fold.jobs[4]?.devices.total.milliseconds == 160_000 && fold.jobs[4]?.devices.attempt == 2)
  }

  @Test("who waits for nobody finds the room bounded")
  func inbox() {
    let inbox = RollupInbox()
    func parcel(_ node: Int) -> RollupInbox.Parcel {
      RollupInbox.Parcel(node: Int32(node), devices: 8, bytes: [1])
    }
    for i in 0..<RollupInbox.mostParcels { inbox.put(parcel(i / 2)) }
    #expect(!inbox.put(parcel(-1)) && inbox.refused == 1)
    #expect(inbox.take().count == RollupInbox.mostParcels && inbox.take().isEmpty)
    let large = [UInt8](repeating: 0, count: RollupInbox.mostBytesOfOne + 1)
    #expect(!inbox.put(RollupInbox.Parcel(node: 0, devices: 8, bytes: large)))
    #expect(inbox.put(parcel(0)) && inbox.refused == 2)
  }

  @Test("a node that floods finds its own room full, and takes none of the others'")
  func flood() {
    let inbox = RollupInbox()
    for _ in 0..<100 { inbox.put(RollupInbox.Parcel(node: 7, devices: 8, bytes: [1])) }
    #expect(inbox.put(RollupInbox.Parcel(node: 8, devices: 8, bytes: [1])))
    #expect(inbox.take().count == RollupInbox.mostOfNode + 1 && inbox.refused == 100 - Int64(RollupInbox.mostOfNode))
    #expect(inbox.put(RollupInbox.Parcel(node: 7, devices: 8, bytes: [1])))
  }

  @Test("points of one time are added, and many are thinned to as many as may be shown")
  func points() {
    let rollups = [3, 0, 1, 1].map { Told.rollup($0 * 60_000, length: 60_000, devices: 1) }
    let points = DevicePoint.merged(rollups, in: 0..<120_000)
    #expect(points.map(\.at) == [0, 60_000] && points.map { $0.devices[0].milliseconds } == [60_000, 120_000])
    let many = DevicePoint.merged((0..<1_201).map { Told.rollup($0 * 60_000, devices: 1) }, in: 0..<Int64.max)
    let thin = DevicePoint.thinned(many, to: 500)
    #expect(thin.count == 401 && thin.map { $0.devices[0].milliseconds }.reduce(0, +) == 12_010_000)
    #expect(thin[1].at == 180_000)
  }
}
