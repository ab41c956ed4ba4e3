import Hummingbird
import MusterCore
import MusterProtocol

/// What the routes share.
struct API: Sendable {
  let writer: Writer
  let events: EventHub
  let folder: DataFolder
  let map = MapView()
  let follower: Follower
  /// What the devices do.
  let telemetry: Telemetry
  /// The ledger's; nil: there is none.
  var gpuTime: GPUTimeSource?
  var efficiency = EfficiencyParts()
  /// Of a pretend fleet: how fast its time passes. Nil: a real one.
  let speed: Int64?

  static let bodyLimit = 8 << 20
  static let jobsPerRequest = 1_000
  static let pageLimit = 500
}

/// What a request is refused with.
struct APIError: Error, HTTPResponseError {
  var status: HTTPResponse.Status
  var code: String
  var message: String
  var remedy: String
  var problems: [JSON] = []
  var retryAfterSeconds: Int?

  func response(from request: Request, context: some RequestContext) throws -> Response {
    var error: [JSON.Member] = [
      .init(name: "code", value: .string(code)), .init(name: "message", value: .string(message)),
      .init(name: "remedy", value: .string(remedy)),
    ]
    if !problems.isEmpty { error.append(.init(name: "problems", value: .array(problems))) }
    var response = Response(json: ["error": .object(error)], status: status)
    if let retryAfterSeconds { response.headers[.retryAfter] = "\(retryAfterSeconds)" }
    return response
  }

  static func notFound(_ what: String, _ remedy: String) -> APIError {
    APIError(status: .notFound, code: "notFound", message: what, remedy: remedy)
  }

  static func invalid(_ field: String, _ value: String, _ allowed: String) -> APIError {
    APIError(
      status: .badRequest, code: "invalid", message: "\(field) is \"\(value)\"", remedy: "\(field): \(allowed)",
      problems: [["field": .string(field), "value": .string(value), "allowed": .string(allowed)]])
  }

  init(
    status: HTTPResponse.Status, code: String, message: String, remedy: String, problems: [JSON] = [],
    retryAfterSeconds: Int? = nil
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.remedy = remedy
    self.problems = problems
    self.retryAfterSeconds = retryAfterSeconds
  }

  init(_ refusal: Refusal) {
    let status: HTTPResponse.Status =
      switch refusal {
      case .noSuchJob, .noSuchTask, .noSuchNode, .noSuchMaintenance: .notFound
      case .noSuchPriority, .noSuchLevel, .noSuchDomain, .maintenanceIsPast, .jobHasEnded, .jobNotPending, .keyReused,
        .otherMachine, .nodeInUse, .olderController, .impossible, .walltimeOverLimit, .dependencyNever:
        .conflict
      case .submissionTooLarge: .contentTooLarge
      case .revoked, .tokenUnknown, .tokenExpired: .forbidden
      case .queueFull, .fleetFull, .tooManyTokens, .tooManyMaintenances: .tooManyRequests
      }
    self.init(status: status, code: refusal.code, message: refusal.message, remedy: refusal.remedy)
  }

  init(_ failure: WriterFailure) {
    switch failure {
    case .laneFull(let lane):
      self.init(
        status: .tooManyRequests, code: "busy",
        message: "\(lane.capacity) requests of this kind wait already", remedy: "try again in a second",
        retryAfterSeconds: 1)
    case .diskLow(let free, let needed):
      self.init(
        status: .serviceUnavailable, code: "diskFull",
        message: "the journal's disk has \(free >> 20) MiB free, \(needed >> 20) MiB are needed to take submissions",
        remedy: "make room on the controller's disk; jobs that run are not affected", retryAfterSeconds: 10)
    case .commitFailed(let detail):
      self.init(
        status: .serviceUnavailable, code: "commitFailed", message: "nothing was done: \(detail)",
        remedy: "look at the controller's log and its disk, then try again", retryAfterSeconds: 5)
    case .cannotStart(let detail):
      self.init(
        status: .serviceUnavailable, code: "notReady", message: detail, remedy: "look at the controller's log")
    case .stopping:
      self.init(
        status: .serviceUnavailable, code: "notReady", message: "the controller is stopping",
        remedy: "try again when it is back", retryAfterSeconds: 1)
    }
  }
}

extension Response {
  init(json: JSON, status: HTTPResponse.Status = .ok) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(256)
    json.write(into: &bytes)
    bytes.append(UInt8(ascii: "\n"))
    self.init(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

extension API {
  /// The writer's answer, or what is sent instead.
  func perform<T: Sendable>(
    _ lane: Lane, _ body: @escaping @Sendable (inout WriterState, Instant) throws(APIError) -> T
  ) async throws(APIError) -> T {
    let answer: Result<T, APIError>
    do {
      answer = try await writer.perform(lane) { state, now in
        Result { () throws(APIError) in try body(&state, now) }
      }
    } catch let failure as WriterFailure {
      throw APIError(failure)
    } catch {
      throw APIError(.stopping)
    }
    return try answer.get()
  }

  /// Runs a command; a refusal is thrown.
  func command(_ command: Command) async throws(APIError) {
    try await perform(.orders) { (state, _) throws(APIError) in
      if case .refused(let refusal) = state.handle(command, from: .orders) { throw APIError(refusal) }
    }
  }

  func body(_ request: Request) async throws -> [UInt8] {
    do {
      let buffer = try await request.body.collect(upTo: API.bodyLimit)
      return Array(buffer.readableBytesView)
    } catch {
      throw APIError(
        status: .contentTooLarge, code: "tooLarge", message: "the body is larger than \(API.bodyLimit >> 20) MiB",
        remedy: "send fewer jobs a request")
    }
  }

  func json(_ request: Request) async throws -> JSON {
    let bytes = try await body(request)
    do {
      return try JSON.parse(bytes)
    } catch {
      throw APIError(status: .badRequest, code: "notJSON", message: "\(error)", remedy: "send one JSON value")
    }
  }

  /// A whole number in the query, within a range.
  static func number(
    _ request: Request, _ name: String, default value: Int64, in range: ClosedRange<Int64>
  ) throws(APIError) -> Int64 {
    guard let text = request.uri.queryParameters[Substring(name)] else { return value }
    guard let number = Int64(text), range.contains(number) else {
      throw .invalid(name, String(text), "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The job that a path names: by its number, or as a task of an array, `41_3`.
  func named(_ context: some RequestContext) async throws -> JobID {
    let text = context.parameters.get("id") ?? ""
    if let number = Int64(text), number > 0 { return JobID(number) }
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2, let array = Int64(parts[0]), array > 0, let index = Int32(parts[1]),
      JobFile.Limits.arrayIndex.contains(Int64(index))
    else { throw APIError.invalid("id", text, "a job's number, or a task's, e.g. 41_3") }
    return try await perform(.reads) { (state, _) throws(APIError) in
      guard let task = state.controller.task(index, ofArray: JobID(array)) else {
        throw APIError(.noSuchTask(index, array: JobID(array)))
      }
      return task
    }
  }
}
