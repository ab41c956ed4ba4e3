import Foundation
import MusterClient
import MusterProtocol
import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
  private func client(_ controller: ScriptedController, patience: Int = 5) -> Client {
    let environment = ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "secret"]
    return Client(source: EndpointSource(environment: environment), patienceSeconds: patience)
  }

  @Test("one connection serves many questions, each with the token")
  func keepAlive() throws {
    let controller = ScriptedController { request, reply in
      if request.number == 2 {
        reply.begin("application/json")
        reply.chunk(#"{"n":"#)
        reply.chunk("2}")
        reply.end()
      } else {
        reply.json(#"{"n":\#(request.number)}"#)
      }
    }
    let client = client(controller)
    for number in 1...3 { #expect(try client.get("/v1/x")["n"]?.intValue == Int64(number)) }
    #expect(controller.received.allSatisfy { $0.connection == 1 && $0.headers["authorization"] == "Bearer secret" })
  }

  @Test("a kept connection that the controller closed is replaced without a word")
  func staleConnection() throws {
    let controller = ScriptedController { request, reply in
      reply.json(#"{"n":\#(request.number)}"#)
      reply.close()
    }
    let client = client(controller)
    #expect(try client.get("/a")["n"]?.intValue == 1)
    #expect(try client.get("/b")["n"]?.intValue == 2)
    #expect(controller.received.map(\.connection) == [1, 2])
  }

  @Test("a body is sent whole, with its key")
  func post() throws {
    let controller = ScriptedController { request, reply in reply.json(#"{"id":7}"#, status: 201) }
    let text = String(repeating: "ü", count: 300_000)
    let answer = try client(controller).post(
      "/v1/jobs", ["text": .string(text)], headers: [HTTPHeader("Idempotency-Key", "k")])
    #expect(answer["id"]?.intValue == 7)
    let request = try #require(controller.received.first)
    #expect(request.method == "POST" && request.headers["idempotency-key"] == "k")
    #expect(request.body == #"{"text":"\#(text)"}"#)
  }

  @Test("pages are followed to the last")
  func pages() throws {
    let controller = ScriptedController { request, reply in
      if request.target.contains("after=2") {
        reply.json(#"{"jobs":[{"id":3}],"next":null}"#)
      } else {
        reply.json(#"{"jobs":[{"id":1},{"id":2}],"next":2}"#)
      }
    }
    let jobs = try client(controller).pages("/v1/jobs", key: "jobs", query: ["state=pending"])
    #expect(jobs.compactMap { $0["id"]?.intValue } == [1, 2, 3])
    #expect(
      controller.received.map(\.target) == [
        "/v1/jobs?limit=500&state=pending", "/v1/jobs?limit=500&state=pending&after=2",
      ])
  }

  @Test(
    "each refusal has its exit code",
    arguments: [
      (400, "invalid", CommandStatus.usage), (401, "unauthorized", .refused), (404, "notFound", .notFound),
      (409, "state", .refused), (413, "tooLarge", .refused), (503, "diskFull", .refused),
      (503, "notReady", .unreachable),
      (500, "internal", .failed),
    ])
  func refusals(status: Int, code: String, expected: CommandStatus) throws {
    let controller = ScriptedController { _, reply in reply.error(status, code, "no", remedy: "do this") }
    let error = #expect(throws: ClientError.self) { try client(controller).get("/x") }
    #expect(error?.exitStatus == expected)
    #expect(error?.message == "no" && error?.remedy == "do this")
  }

  @Test("the problems of a job come through")
  func problems() {
    let error = APIError(
      status: 400,
      body: Array(
        #"{"error":{"code":"invalid","message":"m","problems":[{"line":3,"field":"f","value":"v","allowed":"a"},{}]}}"#
          .utf8))
    #expect(error.problems.map(\.field) == ["f", ""])
    #expect(error.problems[0].line == 3 && error.problems[1].line == nil)
    #expect(APIError(status: 502, body: Array("<html>".utf8)).message == "the controller answered with status 502")
  }

  @Test("nobody listening, nobody answering and another protocol are unreachable, each with its reason")
  func unreachable() throws {
    let controller = ScriptedController { request, reply in
      switch request.path {
      case "/silent": reply.hold()
      case "/cut":
        reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        reply.close()
      case "/gone": reply.close()
      case "/html": reply.json("<html>")
      default:
        reply.raw("SSH-2.0-x\r\n\r\n")
        reply.close()
      }
    }
    let address = "127.0.0.1:\(controller.port)"
    func error(_ path: String) -> ClientError? {
      #expect(throws: ClientError.self) { try client(controller, patience: path == "/silent" ? 0 : 5).get(path) }
    }
    #expect(error("/silent") == .noAnswer(address: address, seconds: 0))
    #expect(error("/cut") == .cutOff(address: address))
    #expect(error("/gone") == .cutOff(address: address))
    #expect(error("/html") == .notMuster(address: address, reason: "its answer is not JSON"))
    #expect(error("/ssh") == .notMuster(address: address, reason: "its answer is not HTTP"))
    controller.stop()
    #expect(error("/x") == .unreachable(address: address, reason: "Connection refused"))
    #expect(error("/x")?.exitStatus == .unreachable)
  }

  @Test("a full lane is asked again when it says so")
  func laneFull() throws {
    let controller = ScriptedController { request, reply in
      if request.number == 1 {
        reply.json(#"{"error":{"code":"busy","message":"m"}}"#, status: 429, headers: "Retry-After: 0\r\n")
      } else {
        reply.json("{}")
      }
    }
    _ = try client(controller).get("/x")
    #expect(controller.received.count == 2)
    let far = ScriptedController { _, reply in
      reply.json(#"{"error":{"code":"busy","message":"m"}}"#, status: 429, headers: "Retry-After: 50\r\n")
    }
    let error = #expect(throws: ClientError.self) { try client(far).get("/x") }
    #expect(error?.exitStatus == .refused)
  }
}
