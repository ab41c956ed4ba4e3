import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  /// Of a page: what a job waits for takes longer to say than what it is.
  private static let queueLimit: Int64 = 200
  /// Jobs that the writer is asked about at once: it says why each of them waits, and a fault that comes meanwhile must not
  /// wait for a page of that.
  static let queueSlice = 16

  /// `GET /v1/queue`: the jobs that wait, in the scheduler's order. What begins to run while the answer is made is left out.
  func queue(_ request: Request) async throws -> Response {
    let after = try API.number(request, "after", default: 0, in: 0...(Int64.max - 1))
    let limit = try API.number(request, "limit", default: API.queueLimit, in: 1...Int64(API.pageLimit))
    let project = request.uri.queryParameters["project"].map(String.init)
    let page = try await perform(.reads) { (state, _) throws(APIError) in
      state.controller.queuePage(from: Int(after), limit: Int(min(limit, API.queueLimit)), project: project)
    }
    // Of a project that there is not no job waits either: that is no answer.
    if page.jobs.isEmpty, let project { try await check(project: project) }
    var rows: [JSON] = []
    var common = Controller.WhyCommon()
    for first in stride(from: 0, to: page.jobs.count, by: API.queueSlice) {
      let ids = Array(page.jobs[first..<min(page.jobs.count, first + API.queueSlice)])
      let slice = try await queueSlice(ids, common)
      rows += slice.rows
      common = slice.common
    }
    return Response(json: ["jobs": .array(rows), "next": page.next.map { JSON($0) } ?? .null])
  }

  /// Beside the writer: which projects jobs have had is the ledger's to know.
  private func check(project: String) async throws(APIError) {
    let known = try await perform(.reads) { (state, now) throws(APIError) in
      (sequence: state.controller.cluster.sequence, now: now)
    }
    _ = try await checkedLedger(upTo: known.sequence, now: known.now) { ledger, cluster throws(APIError) in
      try ledger.number(ofProject: project, cluster)
    }
  }

  private func queueSlice(_ ids: [JobID], _ common: Controller.WhyCommon) async throws(APIError) -> QueueSlice {
    try await perform(.reads) { (state, now) throws(APIError) in
      var slice = QueueSlice(common: common)
      for id in ids { if let row = state.controller.queueRow(id, &slice.common, now: now) { slice.rows.append(row) } }
      return slice
    }
  }
}

/// Jobs of a page, by number: what is said of them is asked for afterwards.
struct QueuePage: Sendable {
  var jobs: [JobID]
  var next: Int?
}

struct QueueSlice: Sendable {
  var rows: [JSON] = []
  var common: Controller.WhyCommon
}

extension Controller {
  func queuePage(from position: Int, limit: Int, project: String? = nil) -> QueuePage {
    let page = queue(from: position, limit: limit, project: project)
    return QueuePage(jobs: page.slots.map { cluster.job($0).id }, next: page.next)
  }

  /// Nil: it does not wait any more.
  func queueRow(_ id: JobID, _ common: inout WhyCommon, now: Instant) -> JSON? {
    guard let slot = cluster.slot(of: id), cluster.job(slot).state == .pending else { return nil }
    let why = why(slot, &common)
    let reason = why["causes"]?.arrayValue?.first?["message"]?.stringValue ?? ""
    var members = jobView(slot, reason: reason)
    members.append(.init(name: "devicesPerNode", value: JSON(cluster.spec(slot).role.devicesPerNode)))
    members.append(.init(name: "waitsSince", value: .time(waitsSince(slot))))
    members.append(.init(name: "waitedSeconds", value: .seconds(max(.zero, now - waitsSince(slot)))))
    members += (why.objectValue ?? []).filter { member in !members.contains { $0.name == member.name } }
    return .object(members)
  }
}
