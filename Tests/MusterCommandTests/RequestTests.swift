import Foundation
import MusterCore
import MusterProtocol
import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct RequestTests {
  private static let node = #"{"name":"node 1","state":"drained","devices":8,"free":8,"reason":"fan","jobs":[]}"#

  /// Answers every path that these tests ask for.
  private static func controller() -> ScriptedController {
    ScriptedController { request, reply in
      switch (request.method, request.path) {
      case ("GET", "/v1/jobs") where request.target.contains("array=41"):
        request.target.contains("index=9")
          ? reply.json(#"{"jobs":[],"next":null}"#)
          : reply.json(
            request.target.contains("index=3")
              ? #"{"jobs":[{"id":44,"arrayId":41,"arrayIndex":3}],"next":null}"#
              : #"{"jobs":[{"id":41},{"id":42},{"id":44}],"next":null}"#)
      case ("GET", "/v1/jobs/2"): reply.json(#"{"id":2,"arrayId":null}"#)
      case ("GET", "/v1/jobs/41"): reply.json(#"{"id":41,"arrayId":41,"arrayIndex":0}"#)
      case ("GET", "/v1/jobs/44"): reply.json(#"{"id":44,"arrayId":41,"arrayIndex":3,"name":"t","state":"pending"}"#)
      case ("POST", let path) where path.hasPrefix("/v1/jobs/4") && path.hasSuffix("/cancel"):
        path.contains("42")
          ? reply.error(409, "ended", "job 42 has ended")
          : reply.json(#"{"id":44,"arrayId":41,"arrayIndex":3,"state":"cancelled"}"#)
      case ("GET", "/v1/jobs"):
        request.target.contains("after=2")
          ? reply.json(#"{"jobs":[{"id":3,"state":"pending","reason":"waits for 2 nodes"}],"next":null}"#)
          : reply.json(#"{"jobs":[{"id":1,"state":"running","nodes":["node-1","node-2"]},{"id":2}],"next":2}"#)
      case ("GET", "/v1/queue"):
        request.target.contains("after=2")
          ? reply.json(#"{"jobs":[{"id":9,"priority":5},{"id":8}],"next":null}"#)
          : reply.json(#"{"jobs":[{"id":12,"causes":[{"message":"waits for 2 nodes"}]},{"id":9}],"next":2}"#)
      case ("GET", "/v1/jobs/1"): reply.json(#"{"id":1,"name":"train","state":"running"}"#)
      case ("GET", "/v1/jobs/1/why"):
        reply.json(#"{"id":1,"state":"pending","causes":[{"kind":"nodes","message":"waits for 2 nodes"}]}"#)
      case ("GET", "/v1/cluster"): reply.json(#"{"now":"2031-05-08T12:00:00.000Z"}"#)
      case ("GET", "/v1/accounts"): reply.json(#"{"by":"job","from":"a","to":"b","fleet":{},"rows":[],"next":null}"#)
      case ("POST", "/v1/maintenance"): reply.json(#"{"id":1}"#, status: 201)
      case ("GET", "/v1/jobs/1/report"): reply.json(#"{"id":1,"goodput":0.5,"faults":[]}"#)
      case ("GET", "/v1/goodput"), ("GET", "/v1/efficiency"): reply.json(#"{"from":"a","to":"b","whole":{},"rows":[]}"#)
      case ("GET", "/v1/waste"): reply.json(#"{"rows":[]}"#)
      case ("POST", "/v1/jobs/1/cancel"): reply.json(#"{"id":1,"state":"stopping"}"#)
      case ("POST", "/v1/jobs/2/cancel"): reply.error(409, "ended", "job 2 has ended")
      case ("GET", "/v1/nodes"): reply.json(#"{"nodes":[\#(node)],"next":null}"#)
      case (_, let path) where path.hasPrefix("/v1/nodes/node%201"): reply.json(node)
      case ("GET", "/v1/topology"): reply.json(#"{"levels":["the rack"],"domains":[],"places":[]}"#)
      case ("POST", "/v1/inject"): reply.json("{}", status: 202)
      case ("POST", "/v1/jobs"):
        reply.json(request.body.hasPrefix("[") ? #"[{"id":5},{"id":6}]"# : #"{"id":5}"#, status: 201)
      default: reply.error(404, "notFound", "nothing at \(request.target)", remedy: "look elsewhere")
      }
    }
  }

  private func run(_ arguments: String...) throws -> (Program.Result, [ScriptedController.Request]) {
    let controller = Self.controller()
    let result = try Program.run(arguments, controller: controller)
    return (result, controller.received)
  }

  @Test("jobs follows all pages; as JSON it is one array")
  func jobs() throws {
    let (table, _) = try run("jobs")
    #expect(table.status == 0 && table.out.contains("node-[1-2]") && table.out.contains("(waits for 2 nodes)"))
    let (json, requests) = try run("jobs", "--json", "--all")
    let array = try #require(try JSON.parse(Array(json.out.utf8)).arrayValue)
    #expect(array.compactMap { $0["id"]?.intValue } == [1, 2, 3])
    #expect(requests[0].target == "/v1/jobs?limit=500&all=1")
  }

  @Test("what waits is listed in the scheduler's order, each job once though the queue moves between two pages")
  func queue() throws {
    let (json, requests) = try run("jobs", "--json", "--pending")
    let array = try #require(try JSON.parse(Array(json.out.utf8)).arrayValue)
    #expect(array.compactMap { $0["id"]?.intValue } == [12, 9, 8])
    #expect(array[0]["causes"]?.arrayValue?.first?["message"] == "waits for 2 nodes")
    #expect(requests.map(\.target) == ["/v1/queue?limit=500", "/v1/queue?limit=500&after=2"])
    let (table, _) = try run("jobs", "--pending")
    #expect(table.status == 0 && table.out.contains("waits for 2 nodes"))
    #expect(try run("jobs", "--pending", "--all").0.status == 2)
  }

  @Test(
    "what is shown of one thing is the API's object",
    arguments: [
      ["job", "1"], ["why", "1"], ["report", "1"], ["node", "node 1"],
    ])
  func objects(arguments: [String]) throws {
    let controller = Self.controller()
    let json = try Program.run(arguments + ["--json"], controller: controller)
    #expect(json.status == 0)
    #expect(try JSON.parse(Array(json.out.utf8)).objectValue != nil)
    #expect(try Program.run(arguments, controller: controller).status == 0)
  }

  @Test("a project's report asks for its goodput, its days and its waste, of a week unless it is said")
  func report() throws {
    let (text, asked) = try run("report", "--project", "my vision", "--from", "2026-12-01", "--to", "2026-12-03")
    #expect(text.status == 0 && text.out.contains("my vision"))
    let stretch = "&from=2026-12-01T00:00:00Z&to=2026-12-03T00:00:00Z&project=my%20vision"
    #expect(
      asked.map(\.target) == [
        "/v1/goodput?by=project\(stretch)", "/v1/goodput?by=day\(stretch)", "/v1/waste?by=job&limit=50\(stretch)",
      ])
    let (json, week) = try run("report", "--week", "--json")
    #expect(try JSON.parse(Array(json.out.utf8))["project"] == .null)
    #expect(week.map(\.path) == ["/v1/cluster", "/v1/goodput", "/v1/goodput", "/v1/waste"])
    #expect(week.dropFirst().allSatisfy { $0.target.contains("&from=2031-05-01T12:00:00Z") })
    #expect(week.allSatisfy { !$0.target.contains("&to=") })
    let (page, _) = try run("report", "--week", "--html", "-")
    #expect(page.out.hasPrefix("<!doctype html>") && page.out.hasSuffix("</html>\n"))
    #expect(try run("efficiency").0.out.contains("no money is told"))
  }

  @Test("what counts from now counts by the controller's clock, which may be far ahead")
  func controllersNow() throws {
    let (accounts, asked) = try run("accounts", "--by", "job", "--from", "now-1d", "--json")
    #expect(accounts.status == 0 && asked.last?.target == "/v1/accounts?by=job&from=2031-05-07T12:00:00Z")
    let (added, planned) = try run("maintenance", "add", "--nodes", "n1", "--from", "now+1h", "--for", "2h")
    #expect(added.status == 0)
    #expect(try JSON.parse(Array((planned.last?.body ?? "").utf8))["from"] == "2031-05-08T13:00:00Z")
    let (_, plain) = try run("accounts", "--by", "job", "--from", "2026-12-01", "--json")
    #expect(plain.map(\.path) == ["/v1/accounts"], "a moment needs no clock")
    let folder = try TestFolder()
    try folder.write("command: [x]\nbegin: now+2h\n", to: "later.yaml")
    for more in [[], ["--begin", "now+2h"]] {
      let controller = Self.controller()
      let sent = try Program.run(["submit", "later.yaml"] + more, controller: controller, in: folder.path)
      let body = try #require(controller.received.last?.body)
      #expect(sent.status == 0, "\(sent.error)")
      #expect(try JSON.parse(Array(body.utf8))["begin"] == "2031-05-08T14:00:00Z")
    }
  }

  @Test("the places of one level are the controller's to choose")
  func topology() throws {
    #expect(try run("topology", "--json").1[0].target == "/v1/topology")
    let (one, asked) = try run("topology", "--level", "the rack")
    #expect(one.status == 0 && one.out == "No nodes.\n" && asked[0].target == "/v1/topology?level=the%20rack")
  }

  @Test("changes of nodes are asked as the API wants them")
  func nodes() throws {
    let (drain, asked) = try run("drain", "node 1", "--reason", "fan")
    #expect(drain.out.contains("drained") && asked[0].body == #"{"reason":"fan"}"#)
    #expect(asked[0].target == "/v1/nodes/node%201/drain")
    #expect(try run("resume", "node 1").1[0].target == "/v1/nodes/node%201/resume")
    #expect(try run("fence", "node 1", "--confirm-dead").1[0].body == #"{"confirmDead":true}"#)
    let (list, _) = try run("nodes", "--json")
    #expect(try JSON.parse(Array(list.out.utf8)).arrayValue?[0]["name"]?.stringValue == "node 1")
  }

  @Test("faults are injected where they are meant")
  func inject() throws {
    #expect(
      try run("inject", "stop-rank", "--job", "3", "--rank", "2").1[0].body == #"{"kind":"stop-rank","job":3,"rank":2}"#
    )
    #expect(
      try run("inject", "kill-node", "--node", "node-3").1[0].body == #"{"kind":"kill-node","node":"node-3"}"#)
  }

  @Test("what is not found exits with 3, what is refused with 5; other cancellations go on")
  func failures() throws {
    let (missing, _) = try run("job", "9")
    #expect(missing.status == 3)
    #expect(missing.error == "muster: nothing at /v1/jobs/9\n  look elsewhere\n")
    let (cancel, asked) = try run("cancel", "2", "1", "--json")
    #expect(cancel.status == 5 && asked.count == 4)
    #expect(try JSON.parse(Array(cancel.out.utf8)).arrayValue?.count == 1)
  }

  @Test("a task of an array is named by the array and its index; the array's number is all of its tasks")
  func tasks() throws {
    let (job, asked) = try run("job", "41_3")
    #expect(job.out.contains("44, task 41_3 (t)") && asked[0].target == "/v1/jobs?array=41&index=3")
    let (missing, _) = try run("why", "41_9")
    #expect(missing.status == 3 && missing.error.contains("array 41 has no task 9"))
    let (one, _) = try run("cancel", "41_3")
    #expect(one.out == "Job 41_3 is cancelled.\n")
    let (all, requests) = try run("cancel", "41")
    #expect(all.status == 0, "one had ended already")
    #expect(requests.filter { $0.method == "POST" }.map(\.path) == [41, 42, 44].map { "/v1/jobs/\($0)/cancel" })
    let (some, _) = try run("cancel", "41_9", "1")
    #expect(some.status == 3 && some.out == "Job 1 is stopping.\n" && some.error.contains("no task 9"))
    #expect(try run("job", "41_").0.status == 2 && run("job", "41_3_1").0.status == 2)
  }

  @Test("a policy is checked with its lines, then sent as JSON")
  func apply() throws {
    let controller = ScriptedController { _, reply in
      reply.json(#"{"dryRun":true,"changes":[{"change":"added","what":"project","name":"a","text":""}],"warnings":[]}"#)
    }
    let folder = try TestFolder()
    try folder.write("projects:\n  - {name: a, quotas: {H100: 8}}\n", to: "p.yaml")
    let dry = try Program.run(["apply", "-f", "p.yaml", "--dry-run"], controller: controller, in: folder.path)
    #expect(dry.out == "+ project a\n1 change; nothing was changed: this is a dry run.\n")
    let asked = try #require(controller.received.first)
    #expect(asked.method == "PUT" && asked.target == "/v1/policy?dryRun=true")
    let part = try PolicyPart.parse(json: JSON.parse(Array(asked.body.utf8))).get()
    #expect(part.projects?.first?.quotas == [DeviceQuota(deviceType: "H100", guaranteed: 8)] && part.topology == nil)
    try folder.write("projects:\n  - {name: a, parent: b}\n", to: "p.yaml")
    let wrong = try Program.run(["apply", "-f", "p.yaml"], controller: controller, in: folder.path)
    #expect(wrong.status == 2 && wrong.error.contains("p.yaml:2: projects[0].parent: b"))
    let json = try Program.run(["apply", "-f", "p.yaml", "--json"], controller: controller, in: folder.path)
    #expect(json.error.contains(#""code":"invalidPolicy","message":"p.yaml: 1 problem; nothing was changed""#))
    #expect(try Program.run(["apply", "-f", "/nowhere"], controller: controller).status == 2)
    #expect(controller.received.count == 1)
  }

  @Test("maintenance is asked as the API wants it")
  func maintenance() throws {
    let controller = ScriptedController { request, reply in
      request.method == "GET"
        ? reply.json(#"{"maintenance":[]}"#) : reply.json(#"{"id":3,"state":"planned"}"#, status: 201)
    }
    func run(_ arguments: String...) throws -> Program.Result {
      try Program.run(["maintenance"] + arguments, controller: controller)
    }
    #expect(
      try run(
        "add", "--from", "2026-12-01T09:00:00+01:00", "--for", "4h", "--within", "rack=r17", "--reason", "pumps"
      ).status == 0)
    #expect(
      controller.received[0].body
        == #"{"from":"2026-12-01T08:00:00Z","forSeconds":14400.0,"within":{"level":"rack","domain":"r17"},"reason":"pumps"}"#
    )
    #expect(try run("list").out == "No maintenance is planned.\n" && run("list", "--json").out == "[]\n")
    #expect(try run("remove", "3").out == "Maintenance 3 is removed.\n")
    #expect(controller.received.last?.method == "DELETE" && controller.received.last?.target == "/v1/maintenance/3")
    for wrong in [
      ["--for", "4h"], ["--nodes", "a"], ["--nodes", "a", "--for", "4"], ["--nodes", "a", "--to", "tomorrow"],
      ["--nodes", "a", "--within", "rack=a", "--for", "4h"], ["--within", "rack", "--for", "4h"],
    ] { #expect(try Program.run(["maintenance", "add"] + wrong, controller: controller).status == 2, "\(wrong)") }
  }

  @Test("options take the place of a file's own fields")
  func overrides() throws {
    let controller = Self.controller()
    let folder = try TestFolder()
    try folder.write("command: [a]\ngang: {nodes: 4}\nsegment: 4\nhold: false\nexclude: n1", to: "a.yaml")
    let result = try Program.run(
      [
        "submit", "a.yaml", "--segment", "2", "--within", "rack", "--device-type", "H100,A100", "--array", "0-3%2",
        "--dependency", "afterok:41_3:7,singleton", "--hold", "--begin", "2026-12-01T08:00:00Z", "--exclusive",
        "--constraint", "ib=hdr&!old", "--exclude", "n[2-3]",
      ], controller: controller, in: folder.path)
    #expect(result.status == 0, "\(result.error)")
    let body = try #require(controller.received.last { $0.method == "POST" }?.body)
    let request = try JobFile.read(json: JSON.parse(Array(body.utf8)), context: .wire).get()
    let wishes = request.spec.wishes
    #expect(wishes.segment == 2 && wishes.within == Within(level: "rack") && wishes.exclude == ["n2", "n3"])
    #expect(
      wishes.dependsOn.map(\.text) == ["afterok:41_3", "afterok:7", "singleton"] && wishes.isHeld && wishes.isExclusive)
    #expect(request.array == ArrayRequest(indices: [0, 1, 2, 3], atOnce: 2) && wishes.constraint.count == 2)
    let wrong = try Program.run(["submit", "a.yaml", "--segment", "3"], controller: controller, in: folder.path)
    #expect(wrong.status == 2 && wrong.error.contains("segment: 3 (allowed: a number of nodes that divides"))
    let run = try Program.run(["run", "--array", "1-2", "--", "a"], controller: controller)
    #expect(run.status == 2 && run.error.contains("muster submit --array"))
    let held = try Program.run(["run", "--segment", "2", "--", "a"], controller: controller)
    #expect(held.status == 2 && held.error.contains("gang.nodes, which is 1"))
  }

  @Test("a file is checked, filled in and submitted with a key")
  func submit() throws {
    let controller = Self.controller()
    let folder = try TestFolder()
    try folder.write("command: [python3, train.py]\ngang: {nodes: 2}\nenvironment: {A: 1}\n", to: "my job.yaml")
    let result = try Program.run(
      ["submit", "my job.yaml", "--json", "--export-env"], controller: controller,
      environment: ["MUSTER_SECRET": "x", "LANG": "C"], in: folder.path)
    #expect(result.status == 0)
    #expect(try JSON.parse(Array(result.out.utf8))["id"]?.intValue == 5)
    let request = try #require(controller.received.first)
    #expect((request.headers["idempotency-key"] ?? "").count > 15)
    let spec = try JobFile.parse(json: JSON.parse(Array(request.body.utf8)), context: .wire).get()
    #expect(spec.name == "my-job" && spec.role.nodes == 2 && !spec.user.isEmpty)
    #expect(spec.role.workingDirectory.hasSuffix(folder.path.split(separator: "/").last ?? "?"))
    #expect(spec.role.environment.contains { $0.name == "LANG" && $0.value == "C" })
    #expect(!spec.role.environment.contains { $0.name.hasPrefix("MUSTER") })
  }

  @Test("several files make one request and an array; standard input is a file too")
  func submitSeveral() throws {
    let controller = Self.controller()
    let folder = try TestFolder()
    try folder.write("command: [a]", to: "a.yaml")
    let result = try Program.run(
      ["submit", "a.yaml", "-", "--json", "--idempotency-key", "k"], controller: controller, in: folder.path,
      input: "command: [b]")
    #expect(try JSON.parse(Array(result.out.utf8)).arrayValue?.count == 2)
    #expect(controller.received.count == 1 && controller.received[0].headers["idempotency-key"] == "k")
  }

  @Test("wrong files are all told, with their lines, and nothing is submitted")
  func submitWrong() throws {
    let controller = Self.controller()
    let folder = try TestFolder()
    try folder.write("command: [a]\ngang: {nodes: 0}\nclass: x\n", to: "a.yaml")
    try folder.write("comand: [a]\n", to: "b.yaml")
    let result = try Program.run(["submit", "a.yaml", "b.yaml"], controller: controller, in: folder.path)
    #expect(result.status == 2 && controller.received.isEmpty)
    for text in ["a.yaml:2: gang.nodes: 0", "a.yaml:3: class: x", "b.yaml:1: comand", "b.yaml:1: command: (missing)"] {
      #expect(result.error.contains(text), "\(result.error)")
    }
  }

  @Test("what the controller finds wrong is told like what we find")
  func refusedJob() throws {
    let controller = ScriptedController { _, reply in
      reply.json(
        #"{"error":{"code":"invalid","message":"the job is wrong","problems":[{"field":"project","value":"x","allowed":"a project that exists"}]}}"#,
        status: 400)
    }
    let result = try Program.run(["submit", "-"], controller: controller, input: "command: [a]")
    #expect(result.status == 2)
    #expect(result.error == "muster: the job is wrong\nproject: x (allowed: a project that exists)\n")
  }
}
