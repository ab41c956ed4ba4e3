import MusterCore
import Testing

@testable import MusterServer

@Suite struct EventHubTests {
  static func facts(_ count: Int) -> [Fact] {
    (0..<count).map { Fact(at: Instant(nanoseconds: Int64($0) + 1), .jobCancelRequested(job: JobID(Int64($0) + 1))) }
  }

  @Test("a listener gets what is published after it came, numbered as in the journal")
  func listens() async throws {
    let hub = EventHub()
    hub.publish(Self.facts(3), first: 1)
    let subscription = try #require(hub.subscribe())
    #expect(subscription.sequence == 3)
    hub.publish(Self.facts(2), first: 4)
    subscription.cancel()
    var seen: [Int64] = []
    for await event in subscription.events { seen.append(event?.sequence ?? -1) }
    #expect(seen == [4, 5])
  }

  @Test("a listener that is too slow loses its place: its stream ends and it must resync")
  func slow() async throws {
    let hub = EventHub()
    let subscription = try #require(hub.subscribe())
    hub.publish(Self.facts(EventHub.backlog + 500), first: 1)
    var last: Int64 = 0
    for await event in subscription.events { last = event?.sequence ?? -1 }
    #expect(last == Int64(EventHub.backlog))
  }

  @Test("there are only so many listeners")
  func many() {
    let hub = EventHub()
    let all = (0..<EventHub.listenerLimit).compactMap { _ in hub.subscribe() }
    #expect(all.count == EventHub.listenerLimit)
    #expect(hub.subscribe() == nil)
    all.first?.cancel()
    #expect(hub.subscribe() != nil)
  }
}
