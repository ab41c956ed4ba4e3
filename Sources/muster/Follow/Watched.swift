import MusterClient
import MusterProtocol

/// Some jobs, watched until all have ended. Events say when to look; what is true is always read from the controller, so
/// nothing that was missed while it was away matters.
final class Watched {
  let ids: [Int64]
  private(set) var ended: [Int64: JSON] = [:]
  private let client: Client
  private let events: EventFollower
  private var stale: Set<Int64>
  private var lookAgainAt = Deadline.never
  /// However silent the events are.
  private static let lookAgainMilliseconds: Int64 = 10_000

  init(ids: [Int64], source: EndpointSource) throws(ClientError) {
    self.ids = ids
    client = Client(source: source)
    client.waitsForController = true
    stale = Set(ids)
    // What happens between this look and the first event is in the stream: it starts behind this sequence.
    let sequence = try client.get("/v1/cluster")["sequence"]?.intValue ?? 0
    events = EventFollower(source: source, job: ids.count == 1 ? ids[0] : nil, after: sequence, follows: true)
  }

  var isDone: Bool { ids.allSatisfy { ended[$0] != nil } }

  /// Looks at what changed. Throws what trying again does not heal, e.g. a job that is not there.
  func advance() throws(ClientError) {
    for item in try events.advance() {
      switch item {
      case .event(_, _, let body): if let job = body["job"]?.intValue { stale.insert(job) }
      case .resync, .opened: stale = Set(ids)
      case .lost, .ended: break
      }
    }
    if lookAgainAt.isPast { stale = Set(ids) }
    for id in ids where stale.contains(id) && ended[id] == nil {
      do {
        let job = try client.get("/v1/jobs/\(id)")
        if JobOutcome.hasEnded(job) { ended[id] = job }
        stale.remove(id)
      } catch {
        guard error.passes else { throw error }
        // The stream's own reconnection makes everything stale again.
        lookAgainAt = .after(milliseconds: 500)
        return
      }
    }
    lookAgainAt = .after(milliseconds: Self.lookAgainMilliseconds)
  }

  func wait(until deadline: Deadline) {
    let descriptors = events.stream.descriptor.map { [$0] } ?? []
    _ = Readiness.wait(for: descriptors, until: min(deadline, lookAgainAt, events.stream.wakeAt))
  }
}
