import Hummingbird
import MusterCore
import MusterProtocol
import Testing

@testable import MusterServer

@Suite struct PolicyRouteTests {
  private static let projects = #"{"projects":[{"name":"p","quotas":{"H100":{"guaranteed":8,"borrowLimit":4}}}]}"#

  @Test("a policy is declared kind by kind; a dry run changes nothing")
  func policy() async throws {
    try await withServer { ask async throws in
      let empty = try await ask(.get, "/v1/policy", "", [:])
      #expect(empty.text == #"{"topology":{"levels":[],"places":[]},"projects":[],"priorities":[]}"# + "\n")
      let dry = try await ask(.put, "/v1/policy?dryRun=true", Self.projects, [:])
      #expect(dry.status == 200)
      #expect(
        try dry.json["changes"] == [
          [
            "change": "added", "what": "project", "name": "p", "text": "H100 guaranteed 8, H100 borrowLimit 4",
          ]
        ])
      #expect(try await ask(.get, "/v1/policy", "", [:]).text == empty.text)
      #expect(try await ask(.put, "/v1/policy", Self.projects, [:]).json["dryRun"] == false)
      let more = #"{"priorities":[{"name":"urgent","value":7}]}"#
      #expect(try await ask(.put, "/v1/policy", more, [:]).json["changes"]?.arrayValue?.count == 1)
      let now = try await ask(.get, "/v1/policy", "", [:])
      #expect(try now.json["projects"]?.arrayValue?.count == 1 && now.json["priorities"]?.arrayValue?.count == 1)
      let again = try await ask(.put, "/v1/policy", now.text, [:])
      #expect(try again.json["changes"] == [], "what was read may be sent back")
      let job = #"{"command":["a"],"priority":"urgent"}"#
      #expect(try await ask(.post, "/v1/jobs", job, [:]).status == 201)
      #expect(try await ask(.get, "/v1/jobs/1", "", [:]).json["priority"] == 7)
      let unknown = try await ask(.post, "/v1/jobs", #"{"command":["a"],"priority":"high"}"#, [:])
      #expect(unknown.status == 409 && unknown.text.contains("urgent"))
    }
  }

  @Test("what is wrong with a policy is told by field")
  func wrong() async throws {
    try await withServer { ask async throws in
      let refused = try await ask(.put, "/v1/policy", #"{"projects":[{"name":"a","parent":"b"}]}"#, [:])
      #expect(refused.status == 400)
      #expect(try refused.json["error"]?["problems"]?.arrayValue?.first?["field"] == "projects[0].parent")
      #expect(try await ask(.put, "/v1/policy?dryRun=maybe", "{}", [:]).status == 400)
    }
  }

  @Test("maintenance is planned, listed, removed; what cannot be is refused")
  func maintenance() async throws {
    try await withServer { ask async throws in
      let past = #"{"from":"2020-01-01T00:00:00Z","to":"2020-01-02T00:00:00Z","within":{"level":"rack","domain":"r"}}"#
      #expect(try await ask(.post, "/v1/maintenance", past, [:]).status == 409)
      let unknown = try await ask(.post, "/v1/maintenance", #"{"forSeconds":60,"nodes":"nobody"}"#, [:])
      #expect(unknown.status == 404 && unknown.text.contains("nobody"))
      for wrong in [
        #"{"forSeconds":60}"#, #"{"forSeconds":60,"nodes":"a["}"#, #"{"nodes":"a"}"#, #"{"to":"soon","nodes":"a"}"#,
        #"{"forSeconds":60,"to":"2100-01-01T00:00:00Z","nodes":"a"}"#, #"{"forSeconds":60,"node":"a"}"#,
      ] { #expect(try await ask(.post, "/v1/maintenance", wrong, [:]).status == 400, "\(wrong)") }
      let place = #"{"topology":{"places":[{"nodes":"n[1-4]","domains":["r17"]}]}}"#
      #expect(try await ask(.put, "/v1/policy", place, [:]).status == 200)
      let window = #"{"forSeconds":60,"within":{"level":"rack","domain":"r17"},"reason":"pumps"}"#
      let added = try await ask(.post, "/v1/maintenance", window, [:])
      #expect(added.status == 201)
      #expect(try added.json["id"] == 1 && added.json["state"] == "active" && added.json["reason"] == "pumps")
      #expect(try await ask(.get, "/v1/maintenance", "", [:]).json["maintenance"]?.arrayValue?.count == 1)
      #expect(try await ask(.delete, "/v1/maintenance/1", "", [:]).status == 200)
      #expect(try await ask(.delete, "/v1/maintenance/1", "", [:]).status == 404)
    }
  }

  @Test("jobs are held and released over the API")
  func hold() async throws {
    try await withServer { ask async throws in
      _ = try await ask(.post, "/v1/jobs", #"{"command":["a"]}"#, [:])
      #expect(try await ask(.post, "/v1/jobs/1/hold", "", [:]).status == 200)
      #expect(try await ask(.post, "/v1/jobs/1/hold", "", [:]).status == 200)
      #expect(try await ask(.post, "/v1/jobs/1/release", "", [:]).status == 200)
      #expect(try await ask(.post, "/v1/jobs/2/release", "", [:]).status == 404)
      _ = try await ask(.post, "/v1/jobs/1/cancel", "", [:])
      #expect(try await ask(.post, "/v1/jobs/1/hold", "", [:]).status == 409)
    }
  }

  @Test("the use of a project counts its children's, by type; what it borrows is what is beyond its guarantee")
  func quota() throws {
    var controller = Controller(cluster: Cluster(), now: Instant(nanoseconds: 1))
    var scheduler = Scheduler()
    func say(_ command: Command) {
      _ = controller.handle(command, now: Instant(nanoseconds: 1))
      while let input = controller.takePlanningInput() {
        _ = controller.handle(.commitPlan(scheduler.plan(input)), now: Instant(nanoseconds: 1))
      }
    }
    say(.start)
    for (i, type) in ["H100", "A100"].enumerated() {
      let joined = NodeJoined(
        node: NodeID(Int32(i)), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8, deviceType: type)
      say(.agentHello(joined, pid: 1))
      say(.agentReport(node: NodeID(Int32(i)), []))
    }
    let policy = try PolicyPart.parse(
      yaml: "projects: [{name: c, parent: p, quotas: {H100: 2}}, {name: p, quotas: {H100: 8, any: 20}}, {name: q}]"
    ).get().merged(into: Policy())
    say(.applyPolicy(policy))
    for (project, devices, type) in [("c", 6, "H100"), ("other", 8, "A100")] as [(String, Int32, String)] {
      let role = RoleSpec(devicesPerNode: devices, command: ["x"], workingDirectory: "/")
      var spec = JobSpec(name: "j", project: project, user: "u", role: role)
      spec.wishes.deviceTypes = [type]
      say(.submit([spec], key: "", requestHash: 0))
    }
    let json = QuotaUse(controller.deviceUse()).json(policy)
    let projects = json["projects"]?.arrayValue ?? []
    #expect(projects.map { $0["name"] } == ["p", "c", "q", "other"])
    func shown(_ project: Int) -> [String] {
      (projects[project]["devices"]?.arrayValue ?? []).map { row in
        ["deviceType", "guaranteed", "used", "borrowed"].map { row[$0]?.text ?? "?" }.joined(separator: " ")
      }
    }
    #expect(shown(0) == [#""H100" 8 6 0"#, "null 20 6 0"])
    #expect(shown(1) == [#""H100" 2 6 4"#])
    #expect(shown(2).isEmpty && shown(3) == [#""A100" null 8 null"#])
    #expect(projects[3]["declared"] == false && projects[1]["runningJobs"] == 1)
    var less = policy
    less.projects[1].quotas[0].borrowLimit = 1
    let over = controller.warnings(about: less, instead: policy)
    #expect(
      over == ["project c uses 6 H100 devices, more than the 3 that it may use: they run on, and none is added"])
    less.projects[1].quotas[0].borrowLimit = 9
    let borrowed = controller.warnings(about: less, instead: policy)
    #expect(borrowed.first?.contains("2 are guaranteed") == true)
  }
}
