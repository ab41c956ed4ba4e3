public import MusterProtocol

/// Asks a controller, one question at a time, over a connection that it keeps. Not for use by several threads.
public final class Client {
  public let source: EndpointSource
  /// A command gives up after this long without an answer.
  public let patienceSeconds: Int
  /// A controller that is just being started again is waited for, as long as the patience lasts.
  public var waitsForController = false
  /// What time the last answer said it is there, where it is not ours: a pretend fleet's. RFC 3339.
  public private(set) var controllerTime: String?
  private var connection: HTTPConnection?
  private static let largestAnswer = 256 << 20

  /// For an endpoint that is known; nothing is read from files or the environment.
  public convenience init(endpoint: Endpoint, patienceSeconds: Int = 5) {
    self.init(source: EndpointSource(known: endpoint), patienceSeconds: patienceSeconds)
  }

  public init(source: EndpointSource, patienceSeconds: Int = 5) {
    self.source = source
    self.patienceSeconds = patienceSeconds
  }

  /// Asks and reads the whole answer. An answer other than 2xx is thrown as `ClientError.refused`. `429` with a short
  /// `Retry-After` is asked again while there is time.
  public func send(_ request: HTTPRequest) throws(ClientError) -> [UInt8] {
    let deadline = Deadline.after(milliseconds: Int64(patienceSeconds) * 1000)
    while true {
      let (head, body): (HTTPResponseHead, [UInt8])
      do {
        (head, body) = try exchange(request, until: deadline)
      } catch {
        // Nothing has been asked yet: it may be asked again.
        guard waitsForController, case .unreachable = error, !deadline.isPast else { throw error }
        let again = Deadline.after(milliseconds: 100)
        while !again.isPast { _ = Readiness.wait(for: [], until: again) }
        continue
      }
      if (200..<300).contains(head.status) { return body }
      let error = APIError(status: head.status, body: body)
      guard head.status == 429 else { throw .refused(error) }
      let pause = Int64(head["retry-after"] ?? "") ?? 1
      let again = Deadline.after(milliseconds: max(0, min(pause, 60)) * 1000)
      guard again < deadline else { throw .refused(error) }
      while !again.isPast { _ = Readiness.wait(for: [], until: again) }
    }
  }

  private func exchange(
    _ request: HTTPRequest, until deadline: Deadline
  ) throws(ClientError) -> (head: HTTPResponseHead, body: [UInt8]) {
    // A kept connection may end just as we ask: then nobody knows whether the question arrived.
    var kept = request.isRepeatable ? connection : nil
    connection = nil
    while true {
      let endpoint = try source.read()
      let current: HTTPConnection
      if let kept { current = kept } else { current = try HTTPConnection(to: endpoint, until: deadline) }
      let head: HTTPResponseHead
      do {
        head = try current.ask(request, until: deadline, seconds: patienceSeconds)
      } catch {
        switch error {
        case .untouched where kept != nil:
          kept = nil
          continue
        case .untouched: throw .cutOff(address: endpoint.address)
        case .error(let error): throw error
        }
      }
      let body = try current.readBody(limit: Self.largestAnswer, until: deadline, seconds: patienceSeconds)
      if current.isReusable { connection = current }
      controllerTime = head["muster-time"]
      return (head, body)
    }
  }

  public func get(_ target: String) throws(ClientError) -> JSON {
    try json(try send(HTTPRequest(.get, target)))
  }

  public func post(_ target: String, _ body: JSON = [:], headers: [HTTPHeader] = []) throws(ClientError) -> JSON {
    try json(try send(HTTPRequest(.post, target, headers: headers, body: Array(body.text.utf8))))
  }

  public func put(_ target: String, _ body: JSON) throws(ClientError) -> JSON {
    try json(try send(HTTPRequest(.put, target, body: Array(body.text.utf8))))
  }

  public func delete(_ target: String) throws(ClientError) -> JSON {
    try json(try send(HTTPRequest(.delete, target)))
  }

  private func json(_ bytes: [UInt8]) throws(ClientError) -> JSON {
    do {
      return try JSON.parse(bytes)
    } catch {
      let address = (try? source.read().address) ?? "?"  // Only for the message: the answer came from somewhere.
      throw .notMuster(address: address, reason: "its answer is not JSON")
    }
  }

  /// All members of a list that comes in pages: `key` holds a page's members, `next` what to ask for after it.
  public func pages(_ path: String, key: String, query: [String] = []) throws(ClientError) -> [JSON] {
    var all: [JSON] = []
    var after: String?
    while true {
      let parameters = ["limit=500"] + query + (after.map { ["after=\(HTTPRequest.escaped($0))"] } ?? [])
      let page = try get("\(path)?\(parameters.joined(separator: "&"))")
      all += page[key]?.arrayValue ?? []
      let next = page["next"].flatMap { $0.stringValue ?? $0.intValue.map { String($0) } }
      // A controller that sends us in a circle must not keep us for ever.
      guard let next, next != after else { return all }
      after = next
    }
  }
}
