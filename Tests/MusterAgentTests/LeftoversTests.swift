import Foundation
import MusterCore
import Testing

@testable import MusterAgent

/// What a shim left where no namespace ended it, found in process tables that a test writes down.
@Suite struct LeftoversTests {
  static let agent: Int32 = 50
  /// Far above any number that the kernel gives out, so that nothing real is ever meant.
  static let base: Int32 = 1 << 29
  static let rank = ProcessIdentity(pid: base, start: 100)
  static let known = Leftovers.Known(ranks: [rank], aliveLately: [], shimStart: 90, marker: "M=")

  static func row(
    _ number: Int32, parent: Int32 = 1, session: Int32? = nil, start: UInt64 = 120, isAlive: Bool = true
  ) -> ProcessTable.Row {
    ProcessTable.Row(
      pid: base + number, parent: parent, session: session ?? base + number, start: start, isAlive: isAlive)
  }

  static func find(
    _ table: [ProcessTable.Row], known: Leftovers.Known = known, adopter: Leftovers.Adopter? = nil,
    inCgroup: Set<Int32> = [], marked: Set<Int32> = []
  ) -> [Int32] {
    Leftovers.find(known, in: table, inCgroup: inCgroup, adopter: adopter) { marked.contains($0) }.map { $0.pid - base }
  }

  @Test("the ranks, their sessions, and what descends from them")
  func sessions() {
    let table = [
      Self.row(0, start: 100), Self.row(1, session: Self.base), Self.row(2, parent: Self.base + 1), Self.row(3),
      Self.row(4, parent: Self.base + 3),
    ]
    #expect(Self.find(table) == [0, 1, 2])
  }

  @Test("a rank that is gone still names its session if it was alive a moment ago; a number used again names none")
  func numberUsedAgain() {
    let child = Self.row(1, session: Self.base)
    #expect(Self.find([child]) == [])
    var known = Self.known
    known.aliveLately = [Self.rank]
    #expect(Self.find([child], known: known) == [1])
    #expect(Self.find([Self.row(0, start: 110), child], known: known) == [])
  }

  @Test("what has left its session is found by its environment or its memory cgroup")
  func marks() {
    let table = [Self.row(1), Self.row(2), Self.row(3), Self.row(4, start: 80)]
    #expect(Self.find(table, inCgroup: [Self.base + 2], marked: [Self.base + 1, Self.base + 4]) == [1, 2])
  }

  @Test("what falls to the agent is what a dead shim left, whatever it did; its own shims and what they run are not")
  func adopted() {
    let table = [
      Self.row(1, parent: Self.agent), Self.row(2, parent: Self.agent), Self.row(3, parent: Self.base + 2),
      Self.row(4, parent: Self.base + 1), Self.row(5, parent: 1),
    ]
    #expect(Self.find(table, adopter: .init(pid: Self.agent, shims: [Self.base + 2])) == [1, 4])
  }

  @Test("zombies are over")
  func zombies() { #expect(Self.find([Self.row(0, start: 100, isAlive: false)]) == []) }

  @Test("no time that passes is proof: only two looks in a row that find nothing")
  func proof() throws {
    let folder = NSTemporaryDirectory() + "muster-left-\(UUID().uuidString)"
    defer { removeFolder(folder) }
    #expect(makeFolder(folder) == 0)
    writeFile(folder + "/ranks.json", #"[{"rank":0,"pid":\#(Self.base),"start":100}]"#)
    let member = MemberID(attempt: AttemptID(job: JobID(1), number: 1), index: 0)
    var left = Leftovers(of: RunFolder(member, at: folder), aliveLately: [], now: 0)
    let held = [Self.row(0, start: 100)]
    #expect(left.look(held, adopter: nil) == [Self.rank])
    for _ in 0..<1_000 { #expect(left.look(held, adopter: nil).isEmpty && !left.isGone) }
    _ = left.look([], adopter: nil)
    #expect(!left.isGone)
    _ = left.look(held, adopter: nil)
    _ = left.look([], adopter: nil)
    #expect(!left.isGone)
    _ = left.look([], adopter: nil)
    #expect(left.isGone)
    #expect(left.nextLook(now: 10) == 30 && left.nextLook(now: 60_000) == 60_500)
  }
}
