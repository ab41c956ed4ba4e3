import Testing

@testable import MusterCore

@Suite struct HangVerdictTests {
  static func look(
    _ rank: Int32, state: String = "S", cpu: Int64 = 0, call: String = "futex", on: String = "", moved: Int64 = 0,
    quiet: Int64 = 4
  ) -> HangVerdict.Look {
    HangVerdict.Look(
      rank: rank, probe: Probe(state: state, cpuPermille: cpu, syscall: call, descriptor: on), step: 10,
      movedBytes: moved, quiet: .seconds(quiet))
  }
  static let waiting = [look(0), look(1, call: "recvfrom", on: "socket"), look(3)]

  @Test("a stopped rank is the culprit, for certain")
  func stopped() {
    let verdict = HangVerdict.judge(Self.waiting + [Self.look(2, state: "T", call: "")], someEndedWell: false)
    #expect(verdict.finding == .culprit(rank: 2, .hangStopped, .certain))
    #expect(verdict.evidence.first == "rank 2 is stopped (state T)")
  }

  @Test("one busy rank among waiting ones is the culprit")
  func busy() {
    let verdict = HangVerdict.judge(Self.waiting + [Self.look(2, state: "R", cpu: 990, call: "")], someEndedWell: false)
    #expect(verdict.finding == .culprit(rank: 2, .hangBusy, .high))
  }

  @Test("a busy rank that gets a tenth of a core on a crowded machine is still the culprit")
  func busyOnACrowdedMachine() {
    let verdict = HangVerdict.judge(Self.waiting + [Self.look(2, state: "R", cpu: 100, call: "")], someEndedWell: false)
    #expect(verdict.finding == .culprit(rank: 2, .hangBusy, .high))
  }

  @Test("a rank that reads what no peer feeds is the culprit", arguments: ["pipe", "file", "tty", "other"])
  func blockedRead(on: String) {
    let verdict = HangVerdict.judge(Self.waiting + [Self.look(2, call: "read", on: on)], someEndedWell: false)
    #expect(verdict.finding == .culprit(rank: 2, .hangBlocked, .high))
  }

  @Test("a read from a socket is how ranks wait for each other: nobody is blamed")
  func socketRead() {
    let verdict = HangVerdict.judge(Self.waiting + [Self.look(2, call: "read", on: "socket")], someEndedWell: false)
    #expect(verdict.finding == .unknown)
  }

  @Test("all wait in a collective that a peer never joined: unknown, no node blamed")
  func collective() {
    #expect(HangVerdict.judge(Self.waiting + [Self.look(2)], someEndedWell: false).finding == .unknown)
  }

  @Test("where every rank is busy it looks like work")
  func allBusy() {
    let looks = (0..<4).map { Self.look(Int32($0), state: "R", cpu: 900, call: "") }
    #expect(HangVerdict.judge(looks, someEndedWell: false).finding == .working)
  }

  @Test("a rank that moves bytes is saving or loading, not hanging")
  func movingBytes() {
    let saving = Self.look(0, state: "R", cpu: 700, call: "write", on: "file", moved: 1 << 20)
    #expect(HangVerdict.judge([saving] + Self.waiting.dropFirst(), someEndedWell: false).finding == .working)
  }

  @Test("the last rank at work while others have ended well is finishing")
  func finishing() {
    let last = Self.look(0, state: "R", cpu: 950, call: "")
    #expect(HangVerdict.judge([last], someEndedWell: true).finding == .working)
  }

  @Test("one quiet rank beside ranks that still step is the culprit whatever it does")
  func oneQuiet() {
    let others = [Self.look(0, quiet: 0), Self.look(1, quiet: 0)]
    let verdict = HangVerdict.judge(others + [Self.look(2, call: "futex")], someEndedWell: false)
    #expect(verdict.finding == .culprit(rank: 2, .hangUnknown, .medium))
  }

  @Test("the limit has a floor, follows the job's longest step, and can be set")
  func limit() {
    #expect(HangWatch.limit(longestStep: .milliseconds(200), set: nil) == .seconds(3))
    #expect(HangWatch.limit(longestStep: .seconds(30), set: nil) == .seconds(150))
    #expect(HangWatch.limit(longestStep: .seconds(30), set: .seconds(7)) == .seconds(7))
  }

  @Test("what a gang waits for while one rank has a status is no quiet of the others")
  func quietAfterStatus() {
    var watch = HangWatch()
    func at(_ ms: Int64) -> Instant { Instant(nanoseconds: ms * 1_000_000) }
    watch.saw(rank: 0, step: 40, count: 40, status: "evaluating", at: at(1_000), now: at(1_000))
    watch.saw(rank: 1, step: 40, count: 40, status: "", at: at(1_000), now: at(1_000))
    watch.saw(rank: 0, step: 40, count: 40, status: "evaluating", at: at(1_000), now: at(30_500))
    // The first one steps again, and its status is over; the other's step has not come in yet.
    watch.saw(rank: 0, step: 41, count: 41, status: "", at: at(31_000), now: at(31_000))
    #expect(!watch.anyStatus && watch.quietest(now: at(31_200)) == .milliseconds(200))
  }

  @Test("nobody is judged before anybody was looked at")
  func noLooks() { #expect(HangVerdict.judge([], someEndedWell: false).finding == .working) }

  @Test("a status holds for as long as the rank says it; quiet counts from the step, listening from the first word")
  func status() {
    var watch = HangWatch()
    func at(_ ms: Int64) -> Instant { Instant(nanoseconds: ms * 1_000_000) }
    watch.saw(rank: 0, step: 6, count: 6, status: "", at: at(1_200), now: at(5_000))
    #expect(watch.quietest(now: at(6_000)) == .milliseconds(4_800) && watch.heard(now: at(6_000)) == .seconds(1))
    watch.saw(rank: 0, step: 6, count: 6, status: "evaluating", at: at(1_200), now: at(5_500))
    #expect(watch.anyStatus)
    watch.saw(rank: 0, step: 7, count: 7, status: "", at: at(31_200), now: at(31_200))
    #expect(!watch.anyStatus && watch.ranks[0]?.count == 7 && watch.heard(now: at(31_200)) == .milliseconds(26_200))
  }
}
