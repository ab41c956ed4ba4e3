import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  /// Of a page: what a job waits for takes longer to say than what it is.
  private static let queueLimit: Int64 = 200

  /// `GET /v1/queue`: the jobs that wait, in the scheduler's order.
  func queue(_ request: Request) async throws -> Response {
    let after = try API.number(request, "after", default: 0, in: 0...(Int64.max - 1))
    let limit = try API.number(request, "limit", default: API.queueLimit, in: 1...Int64(API.pageLimit))
    let project = request.uri.queryParameters["project"].map(String.init)
    return Response(
      json: try await perform(.reads) { (state, now) throws(APIError) in
        state.controller.queuePage(
          from: Int(after), limit: Int(min(limit, API.queueLimit)), project: project, now: now)
      })
  }
}

extension Controller {
  fileprivate func queuePage(from position: Int, limit: Int, project: String?, now: Instant) -> JSON {
    let page = queue(from: position, limit: limit, project: project)
    var common = WhyCommon()
    let jobs = page.slots.map { slot -> JSON in
      let why = why(slot, &common)
      let reason = why["causes"]?.arrayValue?.first?["message"]?.stringValue ?? ""
      var members = jobView(slot, reason: reason)
      members.append(.init(name: "devicesPerNode", value: JSON(cluster.spec(slot).role.devicesPerNode)))
      members.append(.init(name: "waitsSince", value: .time(waitsSince(slot))))
      members.append(.init(name: "waitedSeconds", value: .seconds(max(.zero, now - waitsSince(slot)))))
      members += (why.objectValue ?? []).filter { member in !members.contains { $0.name == member.name } }
      return .object(members)
    }
    return ["jobs": .array(jobs), "next": page.next.map { JSON($0) } ?? .null]
  }
}
