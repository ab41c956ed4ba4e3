import Hummingbird
import MusterCore
import MusterProtocol
import NIOCore

/// `GET /v1/jobs/ID/logs`: a rank's log, read from its node through its agent on demand; nothing is collected.
extension API {
  private struct Place: Sendable {
    var attempt: AttemptID
    var peer: Peer?
    var node: String
    var epoch: Int64
    var isOver: Bool
  }
  private static let chunk: Int64 = 128 << 10
  /// How often a log that is followed is looked at.
  private static let look = Duration.milliseconds(200)
  /// So many looks that found nothing are followed by an empty write, which finds clients that have gone: 15 s.
  private static let looksUntilAlive = 75

  func logs(_ id: JobID, _ request: Request) async throws -> Response {
    let rank = Int32(try API.number(request, "rank", default: 0, in: 0...Int64(Int32.max)))
    let number = try API.number(request, "attempt", default: 0, in: 0...Int64(Int32.max))
    let offset = try API.number(request, "offset", default: 0, in: 0...Int64.max)
    let follow = try API.number(request, "follow", default: 0, in: 0...1) == 1
    let inParts = request.headers[.accept] == LogParts.contentType
    let first = try await place(id, attempt: Int32(number), rank: rank)
    if speed != nil {
      var error = APIError.notFound(
        "job \(id) has no logs: its ranks are pretended, and nothing ran",
        "`muster events \(id)` says what became of it")
      error.code = "pretended"
      throw error
    }
    let place = PlaceOfLog(id: id, attempt: first.attempt.number, rank: rank)
    let start = await read(first, rank: rank, offset: offset)
    // A log that is followed may not be there yet.
    if let problem = start.problem, !follow || first.isOver {
      var error = APIError.notFound(
        "the log is on node \"\(first.node)\": \(problem)",
        "wait until `muster nodes` shows it connected, or read its file on the node")
      // It was never begun: nothing of the attempt could be executed.
      if problem.hasSuffix("No such file or directory") { error.code = "noLog" }
      throw error
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: inParts ? LogParts.contentType : "text/plain; charset=utf-8",
        .init("Muster-Attempt") ?? .ifMatch: "\(first.attempt.number)",
      ],
      body: ResponseBody { out in
        try await request.whileConnected(follow) {
          try await self.send(place, from: start, isOver: first.isOver, follow: follow, inParts: inParts, &out)
        }
        try await out.finish(nil)
      })
  }

  private struct PlaceOfLog: Sendable {
    var id: JobID
    var attempt: Int32
    var rank: Int32
  }

  /// A part of a log, or why there is none.
  private struct Part: Sendable {
    var next: Int64
    var bytes: [UInt8]
    var problem: String?
  }

  private func read(_ place: Place, rank: Int32, offset: Int64) async -> Part {
    guard let peer = place.peer else {
      return Part(next: offset, bytes: [], problem: "its agent is not connected")
    }
    let data = await peer.readLog(place.attempt, rank: rank, offset: offset, limit: API.chunk, epoch: place.epoch)
    return Part(
      next: max(offset, data.next), bytes: data.data, problem: data.error.isEmpty ? nil : data.error)
  }

  /// Until all that there is has been sent, and, for one who follows, nothing more can come. A part that cannot be read
  /// breaks the answer off: its end in good order would say that this was all.
  private func send(
    _ log: PlaceOfLog, from start: Part, isOver: Bool, follow: Bool, inParts: Bool,
    _ out: inout any ResponseBodyWriter
  ) async throws {
    var (part, isOver, quiet) = (start, isOver, 0)
    while true {
      if !part.bytes.isEmpty || quiet >= API.looksUntilAlive {
        let head = inParts ? LogParts.head(next: part.next, length: part.bytes.count) : []
        try await out.write(ByteBuffer(bytes: head + part.bytes))
        quiet = 0
      }
      let mayEnd = !follow || isOver
      // A log that never began (nothing could be executed) is none; one that did is not all there.
      if let problem = part.problem, mayEnd, part.next > 0 { throw LogLost(reason: problem) }
      if part.bytes.isEmpty {
        if mayEnd { return }
        try await Task.sleep(for: API.look)
        quiet += 1
      }
      let place = try await place(log.id, attempt: log.attempt, rank: log.rank)
      isOver = place.isOver
      part = await read(place, rank: log.rank, offset: part.next)
    }
  }

  private struct LogLost: Error { var reason: String }

  /// Where the rank's log of that attempt (0: the latest) lies.
  private func place(_ id: JobID, attempt number: Int32, rank: Int32) async throws(APIError) -> Place {
    try await perform(.reads) { (state, _) throws(APIError) in
      let cluster = state.controller.clusterReference(id)
      guard let job = cluster else { throw APIError(.noSuchJob(id)) }
      guard rank < job.worldSize else {
        throw .invalid("rank", "\(rank)", "a rank from 0 to \(job.worldSize - 1)")
      }
      guard job.latest > 0, number <= job.latest else {
        throw .notFound(
          "job \(job.shown) has no attempt \(number == 0 ? 1 : number) yet",
          "`muster why \(job.shown)` says what it waits for")
      }
      let attempt = AttemptID(job: id, number: number == 0 ? job.latest : number)
      guard let node = state.controller.node(of: attempt, rank: rank) else {
        throw .notFound(
          "attempt \(attempt.number) of job \(job.shown) is not known",
          "logs of the latest attempt: --attempt \(job.latest)")
      }
      let isOver = attempt.number < job.latest || job.isFinal || state.controller.isOver(attempt, rank: rank)
      return Place(
        attempt: attempt, peer: state.links.agent(node),
        node: state.controller.cluster.nodeDetails[Int(node.index)].joined.name,
        epoch: state.controller.cluster.epoch, isOver: isOver)
    }
  }
}

extension Controller {
  fileprivate func clusterReference(_ id: JobID) -> (worldSize: Int32, latest: Int32, isFinal: Bool, shown: String)? {
    guard let slot = cluster.slot(of: id) else { return nil }
    let job = cluster.job(slot)
    return (cluster.spec(slot).ranks, job.attempt, job.state.isFinal, cluster.shown(id))
  }

  fileprivate func node(of attempt: AttemptID, rank: Int32) -> NodeID? {
    guard let job = cluster.slot(of: attempt.job) else { return nil }
    let member = MemberID(attempt: attempt, index: cluster.spec(job).member(ofRank: rank))
    return cluster.node(ofMember: member)
  }

  fileprivate func isOver(_ attempt: AttemptID, rank: Int32) -> Bool {
    cluster.attemptSlot(attempt).map { cluster.attempt($0).phase == .ended } ?? true
  }
}
