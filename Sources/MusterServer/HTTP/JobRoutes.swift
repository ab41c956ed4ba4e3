import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  /// `POST /v1/jobs`: one job or an array; all are accepted, durably, or none.
  func submit(_ request: Request) async throws -> Response {
    let bytes = try await body(request)
    let json: JSON
    do {
      json = try JSON.parse(bytes)
    } catch {
      throw APIError(
        status: .badRequest, code: "notJSON", message: "\(error)", remedy: "send a job or an array of jobs")
    }
    let key = request.headers[.init("Idempotency-Key") ?? .ifMatch] ?? ""
    guard key.utf8.count <= 255 else {
      throw APIError.invalid("Idempotency-Key", "\(key.prefix(32))...", "at most 255 bytes")
    }
    let requests = try API.requests(json, now: writer.now)
    let specs = requests.flatMap(\.tasks)
    guard specs.count <= API.jobsPerRequest else {
      throw APIError.invalid(
        "(array)", "\(specs.count) jobs", "1 to \(API.jobsPerRequest) jobs a request, each task of an array counted")
    }
    let hash = key.isEmpty ? 0 : fingerprint(bytes)
    let ids: [JobID] = try await perform(.submissions) { (state, _) throws(APIError) in
      if let low = state.space {
        state.counts.refusedForSpace()
        throw APIError(low)
      }
      switch state.handle(.submit(specs, key: key, requestHash: hash), from: .submissions) {
      case .jobs(let ids): return ids
      case .refused(let refusal): throw APIError(refusal)
      case .done, .token: return []
      }
    }
    // One answer for each job that was sent; an array has the number of its first task.
    var first = 0
    let answers = requests.map { request in
      let id = first < ids.count ? ids[first].number : 0
      first += request.array?.indices.count ?? 1
      guard let array = request.array else { return JSON.object([.init(name: "id", value: .int(id))]) }
      return ["id": .int(id), "arrayId": .int(id), "tasks": JSON(array.indices.count)]
    }
    guard case .array = json else { return Response(json: answers.first ?? .null, status: .created) }
    return Response(json: .array(answers), status: .created)
  }

  private static func requests(_ json: JSON, now: Instant) throws(APIError) -> [JobRequest] {
    let jobs: [JSON]
    if case .array(let several) = json { jobs = several } else { jobs = [json] }
    guard (1...jobsPerRequest).contains(jobs.count) else {
      throw .invalid("(array)", "\(jobs.count) jobs", "1 to \(jobsPerRequest) jobs a request")
    }
    var context = SubmitContext.wire
    context.now = now
    var requests: [JobRequest] = []
    requests.reserveCapacity(jobs.count)
    var problems: [JSON] = []
    for (i, job) in jobs.enumerated() {
      switch JobFile.read(json: job, context: context) {
      case .success(let request): requests.append(request)
      case .failure(let errors):
        for problem in errors.problems.prefix(100) {
          var members = problem.json.objectValue ?? []
          if jobs.count > 1 { members.insert(.init(name: "index", value: JSON(i)), at: 0) }
          problems.append(.object(members))
        }
      }
    }
    guard problems.isEmpty else {
      throw APIError(
        status: .badRequest, code: "invalidJob",
        message: "\(problems.count == 1 ? "1 problem" : "\(problems.count) problems"); nothing was submitted",
        remedy: "`problems` names each field, its value and what is allowed", problems: problems)
    }
    return requests
  }

  func jobs(_ request: Request) async throws -> Response {
    if request.uri.queryParameters["array"] != nil { return try await tasks(request) }
    if let index = request.uri.queryParameters["index"] {
      throw APIError.invalid("index", String(index), "beside array: it is a task's of one")
    }
    let after = try API.number(request, "after", default: 0, in: 0...(Int64.max - 1))
    let limit = try API.number(request, "limit", default: Int64(API.pageLimit), in: 1...Int64(API.pageLimit))
    let states = try API.states(request)
    let page = try await perform(.reads) { (state, _) throws(APIError) in
      state.controller.jobPage(after: after, limit: Int(limit), states: states)
    }
    return Response(json: page)
  }

  /// nil: jobs of any state.
  static func states(_ request: Request) throws(APIError) -> Set<JobState>? {
    guard let text = request.uri.queryParameters["state"] else { return nil }
    return try Set(
      text.split(separator: ",").map { (word) throws(APIError) in
        guard let state = JobState.allCases.first(where: { "\($0)" == word }) else {
          throw .invalid("state", String(word), JobState.allCases.map { "\($0)" }.joined(separator: ", "))
        }
        return state
      })
  }

  /// Throws `notFound` for a number that no job has been given yet.
  func checkGiven(_ id: JobID) async throws {
    try await perform(.reads) { (state, _) throws(APIError) in
      guard id.number < state.controller.cluster.nextJob else { throw APIError(.noSuchJob(id)) }
    }
  }

  func job(_ id: JobID) async throws -> Response {
    let detail = try await perform(.reads) { (state, _) throws(APIError) -> JSON in
      guard let slot = state.controller.cluster.slot(of: id) else { throw APIError(.noSuchJob(id)) }
      return state.controller.jobDetail(slot)
    }
    let warning = await efficiency.warnings.warning(of: id)
    return Response(
      json: .object((detail.objectValue ?? []) + [.init(name: "idle", value: warning.map(\.json) ?? .null)]))
  }

  func cancel(_ id: JobID) async throws -> Response {
    try await command(.cancel(id))
    return try await job(id)
  }

  func hold(_ id: JobID) async throws -> Response {
    try await command(.hold(id))
    return try await job(id)
  }

  func release(_ id: JobID) async throws -> Response {
    try await command(.release(id))
    return try await job(id)
  }

  func why(_ id: JobID) async throws -> Response {
    Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        guard let slot = state.controller.cluster.slot(of: id) else { throw APIError(.noSuchJob(id)) }
        return state.controller.why(slot)
      })
  }

  func report(_ id: JobID) async throws -> Response {
    let (report, sequence, now) = try await perform(.reads) { (state, now) throws(APIError) in
      guard let slot = state.controller.cluster.slot(of: id) else { throw APIError(.noSuchJob(id)) }
      return (JobReport(slot, of: state.controller, now: now), state.controller.cluster.sequence, now)
    }
    let told = try await ledger(upTo: sequence, now: now) { ledger, cluster in LedgerReport(id, ledger, cluster) }
    return Response(json: report.json(told))
  }
}
