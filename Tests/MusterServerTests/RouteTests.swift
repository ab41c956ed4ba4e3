import Foundation
import Hummingbird
import Logging
import MusterProtocol
import MusterSim
import NIOCore
import NIOEmbedded
import Testing

@testable import MusterServer

/// Requests to the routes as they are served, without a socket.
struct Asked {
  var status: Int
  var headers: HTTPFields
  var text: String
  var json: JSON { get throws { try JSON.parse(Array(text.utf8)) } }
}

struct Collector: ResponseBodyWriter {
  final class Text { var bytes: [UInt8] = [] }
  let text: Text
  mutating func write(_ buffer: ByteBuffer) async throws { text.bytes += Array(buffer.readableBytesView) }
  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

/// The people's token of the server that a test runs, where it has to send it in its own way.
enum ProcessToken {
  @TaskLocal static var value: String?
}

/// - Parameter authority: the host that requests name.
func withServer(
  _ pretence: Server.Options.Pretence? = nil, authority: String = "test",
  _ body: (_ ask: (HTTPRequest.Method, String, String, HTTPFields) async throws -> Asked) async throws -> Void
) async throws {
  let folder = NSTemporaryDirectory() + "muster-routes-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
  let logger = Logger(label: "test")
  var options = Server.Options(dataFolder: folder, port: 0)
  options.pretence = pretence
  if pretence != nil { options.limits.pretend(nodes: 2) }
  let server = try await Server(options, logger: logger)
  let responder = try server.routes().buildResponder()
  let token = try server.folder.peopleToken()
  let scraper = try server.folder.metricsToken()
  do {
    try await ProcessToken.$value.withValue(token) {
      try await body { method, path, content, headers in
        var fields = headers
        if fields[.authorization] == nil { fields[.authorization] = "Bearer \(token)" }
        fields[.authorization] = fields[.authorization]?.replacingOccurrences(of: "TOKEN", with: token)
          .replacingOccurrences(of: "SCRAPER", with: scraper)
        // None at all, as a browser asks.
        if fields[.authorization] == "" { fields[.authorization] = nil }
        let head = HTTPRequest(method: method, scheme: "http", authority: authority, path: path, headerFields: fields)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: content)))
        let source = ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: logger)
        let response = try await responder.respond(to: request, context: ServerContext(source: source))
        let text = Collector.Text()
        try await response.body.write(Collector(text: text))
        return Asked(
          status: response.status.code, headers: response.headers, text: String(decoding: text.bytes, as: UTF8.self))
      }
    }
  } catch {
    await server.close()
    throw error
  }
  await server.close()
}

@Suite struct RouteTests {
  @Test("a page begins after any number", arguments: ["9223372036854775806", "0"])
  func pages(after: String) async throws {
    try await withServer { ask async throws in
      let page = try await ask(.get, "/v1/jobs?after=\(after)", "", [:])
      #expect(page.status == 200)
      #expect(try page.json["jobs"]?.arrayValue == [])
      #expect(try await ask(.get, "/v1/jobs?after=9223372036854775807", "", [:]).status == 400)
    }
  }

  @Test("only the command is required; who and where have defaults that are true anywhere")
  func submit() async throws {
    try await withServer { ask async throws in
      #expect(try await ask(.post, "/v1/jobs", #"{"command":["true"]}"#, [:]).status == 201)
      let spec = try await ask(.get, "/v1/jobs/1", "", [:]).json["spec"]
      #expect(spec?["user"] == "unknown" && spec?["roles"]?["main"]?["workingDirectory"] == "/")
      #expect(spec?["stop"]?["graceSeconds"] == 30 && spec?["logs"]?["limitBytes"] == 67_108_864)
      let refused = try await ask(.post, "/v1/jobs", #"{"command":["true"],"workingDirectory":"a"}"#, [:])
      #expect(refused.status == 400)
      #expect(try refused.json["error"]?["problems"]?.arrayValue?.first?["field"] == "workingDirectory")
    }
  }

  @Test("a page that is longer than what the writer is asked at once has each job once, in order")
  func longQueue() async throws {
    try await withServer { ask async throws in
      let count = 2 * API.queueSlice + 3
      let jobs = (0..<count).map { _ in #"{"command":["true"],"gang":{"devicesPerNode":8}}"# }
      #expect(try await ask(.post, "/v1/jobs", "[\(jobs.joined(separator: ","))]", [:]).status == 201)
      let all = try await ask(.get, "/v1/queue", "", [:]).json
      #expect(all["jobs"]?.arrayValue?.map { $0["id"]?.intValue } == (1...count).map { Int64($0) })
      #expect(all["next"] == .null)
      let part = try await ask(.get, "/v1/queue?limit=\(API.queueSlice + 1)&after=1", "", [:]).json
      #expect(part["jobs"]?.arrayValue?.map { $0["id"]?.intValue } == (2...API.queueSlice + 2).map { Int64($0) })
      #expect(part["next"] == JSON(API.queueSlice + 2))
    }
  }

  @Test("what waits is listed by priority, with why's causes, in pages")
  func queue() async throws {
    try await withServer { ask async throws in
      for (priority, devices, more) in [(0, 8, ""), (5, 8, ""), (9, 0, #","hold":true"#)] {
        let gang = #""gang":{"nodes":2,"devicesPerNode":\#(devices)}"#
        let job = #"{"command":["true"],"priority":\#(priority),\#(gang)\#(more)}"#
        #expect(try await ask(.post, "/v1/jobs", job, [:]).status == 201)
      }
      let page = try await ask(.get, "/v1/queue?limit=2", "", [:]).json
      let rest = try await ask(.get, "/v1/queue?after=2", "", [:]).json
      let jobs = (page["jobs"]?.arrayValue ?? []) + (rest["jobs"]?.arrayValue ?? [])
      #expect(jobs.map { $0["id"]?.intValue } == [3, 2, 1])
      #expect(page["next"] == 2 && rest["next"] == .null)
      for job in jobs {
        let why = try await ask(.get, "/v1/jobs/\(job["id"]?.intValue ?? 0)/why", "", [:]).json
        #expect(job["causes"] == why["causes"] && job["startEstimate"] == why["startEstimate"])
        #expect(job["reason"] == why["causes"]?.arrayValue?.first?["message"])
        #expect(job["nodeCount"] == 2 && job["waitedSeconds"]?.doubleValue.map { $0 < 60 } == true)
      }
      #expect(jobs[1]["devicesPerNode"] == 8 && jobs[0]["causes"]?.arrayValue?.first?["kind"] == "held")
      #expect(try await ask(.get, "/v1/queue?after=9223372036854775806", "", [:]).json["jobs"] == .array([]))
      let other = #"{"command":["true"],"project":"own","gang":{"devicesPerNode":8}}"#
      #expect(try await ask(.post, "/v1/jobs", other, [:]).status == 201)
      #expect(try await ask(.put, "/v1/policy", #"{"projects":[{"name":"idle"}]}"#, [:]).status < 300)
      for (project, wanted) in [("own", [4]), ("default", [3, 2, 1]), ("idle", [])] as [(String, [Int64])] {
        let page = try await ask(.get, "/v1/queue?project=\(project)", "", [:]).json
        #expect(page["jobs"]?.arrayValue?.compactMap { $0["id"]?.intValue } == wanted && page["next"] == .null)
      }
      let beyond = try await ask(.get, "/v1/queue?after=9223372036854775806&project=default", "", [:])
      #expect(try beyond.json["jobs"] == .array([]))
      let nobody = try await ask(.get, "/v1/queue?project=nobody", "", [:])
      #expect(nobody.status == 404)
      #expect(try nobody.json["error"]?["message"] == "there is no project \"nobody\"")
      #expect(try nobody.json["error"]?["remedy"] == "there are: default, idle, own")
    }
  }

  @Test("a dependency that can no longer come true is refused with what would be right")
  func hopeless() async throws {
    try await withServer { ask async throws in
      _ = try await ask(.post, "/v1/jobs", #"{"command":["a"],"hold":true}"#, [:])
      #expect(try await ask(.post, "/v1/jobs/1/cancel", "", [:]).status == 200)
      let refused = try await ask(.post, "/v1/jobs", #"{"command":["b"],"dependsOn":["afterok:1"]}"#, [:])
      #expect(refused.status == 409)
      let error = try refused.json["error"]
      #expect(error?["code"] == "dependencyNever")
      #expect(error?["message"]?.stringValue?.hasSuffix("job 1 was cancelled") == true)
      #expect(error?["remedy"]?.stringValue?.contains("`afterany:1`") == true)
    }
  }

  @Test("an array is one answer and many jobs, also under a key")
  func arrays() async throws {
    try await withServer { ask async throws in
      var key: HTTPFields = [:]
      key[.init("Idempotency-Key") ?? .ifMatch] = "k"
      let body = #"[{"command":["a"],"array":"3-9:3%2"},{"command":["b"]},{"command":["c"],"array":"7"}]"#
      let first = try await ask(.post, "/v1/jobs", body, key)
      #expect(first.status == 201)
      #expect(try await ask(.get, "/v1/jobs/1_6", "", [:]).json["id"] == 2)
      for missing in ["1_4", "4_3", "99_3"] {
        let answer = try await ask(.get, "/v1/jobs/\(missing)", "", [:])
        #expect(try answer.status == 404 && answer.json["error"]?["code"] == "notFound", "\(missing)")
      }
      #expect(try await ask(.get, "/v1/jobs/1_x", "", [:]).status == 400)
      #expect(
        first.text
          == #"[{"id":1,"arrayId":1,"tasks":3},{"id":4},{"id":5,"arrayId":5,"tasks":1}]"# + "\n")
      #expect(try await ask(.post, "/v1/jobs", body, key).text == first.text)
      let task = try await ask(.get, "/v1/jobs/2", "", [:]).json
      #expect(task["arrayId"] == 1 && task["arrayIndex"] == 6)
      #expect(task["spec"]?["array"] == ["index": 6, "count": 3, "atOnce": 2])
      let plain = try await ask(.get, "/v1/jobs/4", "", [:]).json
      #expect(plain["arrayId"] == .null && plain["arrayIndex"] == .null)
      let tasks = try await ask(.get, "/v1/jobs?array=1", "", [:]).json["jobs"]?.arrayValue ?? []
      #expect(tasks.map { $0["arrayIndex"] } == [3, 6, 9])
      let page = try await ask(.get, "/v1/jobs?array=1&limit=2&after=1", "", [:]).json
      #expect(page["jobs"]?.arrayValue?.compactMap { $0["id"] } == [2, 3])
      let one = try await ask(.get, "/v1/jobs?array=1&index=9", "", [:]).json["jobs"]?.arrayValue ?? []
      #expect(one.map { $0["id"] } == [3])
      #expect(try await ask(.get, "/v1/jobs?array=1&state=running", "", [:]).json["jobs"] == [])
      #expect(try await ask(.get, "/v1/jobs?index=3", "", [:]).status == 400)
      #expect(try await ask(.get, "/v1/jobs?array=2", "", [:]).status == 404)
      #expect(try await ask(.get, "/v1/jobs?array=4", "", [:]).status == 404)
    }
  }

  @Test("tasks of arrays count as jobs of the request")
  func arrayLimit() async throws {
    try await withServer { ask async throws in
      let two = #"[{"command":["a"],"array":"0-999"},{"command":["b"]}]"#
      let refused = try await ask(.post, "/v1/jobs", two, [:])
      #expect(refused.status == 400 && refused.text.contains("1001 jobs"))
      #expect(try await ask(.post, "/v1/jobs", #"{"command":["a"],"array":"0-999"}"#, [:]).status == 201)
    }
  }

  @Test("what no route takes gets an error of the usual form")
  func unknown() async throws {
    try await withServer { ask async throws in
      let nothing = try await ask(.get, "/v1/nope", "", [:])
      #expect(nothing.status == 404)
      #expect(try nothing.json["error"]?["code"] == "notFound")
      let method = try await ask(.delete, "/v1/jobs/7", "", [:])
      #expect(method.status == 405 && method.headers[.allow] == "GET")
      #expect(try method.json["error"]?["code"] == "methodNotAllowed")
      #expect(try await ask(.put, "/v1/jobs", "", [:]).headers[.allow] == "GET, POST")
      #expect(try await ask(.head, "/v1/nope", "", [:]).text == "")
      #expect(try await ask(.get, "/v1/nope", "", [.authorization: "Bearer x"]).status == 401)
    }
  }

  @Test("no route answers anybody who shows no token, but the page's own files and its login")
  func anonymous() async throws {
    let paths = try JSON.parse(Array(OpenAPI.document.utf8))["paths"]?.objectValue ?? []
    try await withServer { ask async throws in
      let open = paths.map(\.name).filter(PageRoutes.isOpen)
      #expect(open.sorted() == ["/", "/login", "/logout", "/page/lib/{file}", "/page/{file}"])
      #expect(paths.count > 20)
      for path in paths where !open.contains(path.name) {
        for method in path.value.objectValue ?? [] {
          let name = try #require(HTTPRequest.Method(rawValue: method.name.uppercased()))
          let place = path.name.replacingOccurrences(of: "{id}", with: "1").replacingOccurrences(
            of: "{name}", with: "n")
          let asked = try await ask(name, place, "{}", [.authorization: "none"])
          #expect(asked.status == 401, "\(name) \(place)")
        }
      }
    }
  }

  @Test("what a route does not know in its query is refused by name; so is a job that has not been")
  func unknownParameter() async throws {
    try await withServer { ask async throws in
      let misspelt = try await ask(.get, "/v1/jobs?limt=3", "", [:])
      #expect(misspelt.status == 400 && misspelt.text.contains("limt") && misspelt.text.contains("limit"))
      #expect(try await ask(.get, "/v1/cluster?x=1", "", [:]).status == 400)
      #expect(try await ask(.get, "/v1/jobs?limit=3&all=1", "", [:]).status == 200)
      #expect(try await ask(.get, "/v1/events?job=1&follow=0", "", [:]).status == 404)
      _ = try await ask(.post, "/v1/jobs", #"{"command":["true"]}"#, [:])
      #expect(try await ask(.get, "/v1/events?job=1&follow=0", "", [:]).status == 200)
    }
  }

  @Test("the scheme of a token may be in any case, the token may not", arguments: ["bearer", "BEARER", "Bearer "])
  func scheme(name: String) async throws {
    try await withServer { ask async throws in
      #expect(try await ask(.get, "/v1/version", "", [.authorization: "\(name) TOKEN"]).status == 200)
      #expect(try await ask(.get, "/v1/version", "", [.authorization: "\(name) TOKENx"]).status == 401)
      #expect(try await ask(.get, "/v1/version", "", [.authorization: "Basic TOKEN"]).status == 401)
    }
  }

  @Test("one who was further than the journal is told to read the state again")
  func beyond() async throws {
    try await withServer { ask async throws in
      _ = try await ask(.post, "/v1/jobs", #"{"command":["true"]}"#, [:])
      let all = try await ask(.get, "/v1/events?follow=0", "", [:]).text
      let last = all.split(separator: "\n").last { $0.hasPrefix("id: ") } ?? ""
      #expect(!all.contains("event: resync"))
      let beyond = try await ask(.get, "/v1/events?follow=0&after=9999", "", [:]).text
      #expect(beyond.contains("\(last)\nevent: resync\ndata: {\"after\":\(last.dropFirst(4))}\n\n"))
      var resumed: HTTPFields = [:]
      resumed[.init("Last-Event-ID") ?? .ifMatch] = "9999"
      #expect(try await ask(.get, "/v1/events?follow=0", "", resumed).text.contains("event: resync"))
      let exactly = try await ask(.get, "/v1/events?follow=0&after=\(last.dropFirst(4))", "", [:]).text
      #expect(!exactly.contains("event:"))
    }
  }
}
