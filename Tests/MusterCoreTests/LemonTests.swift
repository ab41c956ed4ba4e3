import Testing

@testable import MusterCore

@Suite struct LemonTests {
  static func fault(job: Int64, node: Int32) -> Fault {
    Fault(
      attempt: AttemptID(job: JobID(job), number: 1), component: .rank, node: NodeID(node), rank: 0, cause: .exitCode,
      confidence: .high, evidence: [], action: .restartOnSameNodes, happenedAt: .zero)
  }
  static func counter(_ faults: [(job: Int64, node: Int32)], at seconds: Int64 = 0) -> LemonCounter {
    var counter = LemonCounter()
    for f in faults {
      counter.record(fault(job: f.job, node: f.node), at: Instant(nanoseconds: seconds * 1_000_000_000))
    }
    return counter
  }
  static func verdict(_ counter: LemonCounter, at seconds: Int64 = 1) -> String? {
    counter.verdict(node: NodeID(0), now: Instant(nanoseconds: seconds * 1_000_000_000), peers: [1, 2, 3])
  }

  @Test("five faults of two jobs on a node whose peers have none make a lemon")
  func lemon() {
    #expect(
      Self.verdict(Self.counter([(1, 0), (1, 0), (2, 0), (2, 0), (2, 0)]))
        == "5 faults of 2 jobs in 24 h; its peers' median is 1")
  }

  @Test("where too few others have served as much nothing can be compared")
  func fewPeers() {
    let counter = Self.counter([(1, 0), (1, 0), (2, 0), (2, 0), (2, 0)])
    #expect(counter.verdict(node: NodeID(0), now: Instant(nanoseconds: 1), peers: [1, 2]) == nil)
  }

  @Test("one job alone never makes a lemon")
  func oneJob() { #expect(Self.verdict(Self.counter(Array(repeating: (1, 0), count: 20))) == nil) }

  @Test("faults that fall everywhere blame nobody")
  func everywhere() {
    let faults = (0..<4).flatMap { node in (1...6).map { (job: Int64($0), node: Int32(node)) } }
    #expect(Self.verdict(Self.counter(faults)) == nil)
  }

  @Test(
    "what people and limits did to a rank makes no lemon",
    arguments: [
      (Fault.Cause.signal, Int32(137)), (.signal, 143), (.hangStopped, 1), (.outOfMemory, 137), (.shimDied, 1),
    ])
  func doneByPeople(cause: Fault.Cause, exitCode: Int32) {
    var counter = LemonCounter()
    for job in 1...9 {
      var fault = Self.fault(job: Int64(job), node: 0)
      (fault.cause, fault.exitCode) = (cause, exitCode)
      counter.record(fault, at: .zero)
    }
    #expect(Self.verdict(counter) == nil)
  }

  @Test("faults older than a day are forgotten")
  func old() { #expect(Self.verdict(Self.counter([(1, 0), (1, 0), (2, 0), (2, 0), (2, 0)]), at: 86_402) == nil) }

  @Test("the faults of a job that failed by its own doing do not count")
  func acquitted() {
    var counter = Self.counter([(1, 0), (1, 0), (2, 0), (2, 0), (2, 0)])
    counter.acquit(job: JobID(2))
    #expect(Self.verdict(counter) == nil)
  }

  @Test("a node that was put back starts anew")
  func forgiven() {
    var counter = Self.counter([(1, 0), (1, 0), (2, 0), (2, 0), (2, 0)])
    counter.forgive(node: NodeID(0))
    #expect(Self.verdict(counter) == nil)
  }
}
