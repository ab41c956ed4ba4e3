import MusterCore
import MusterProtocol
import Testing

private let full = JobSpec(
  name: "n", project: "p", user: "u", priority: 7,
  role: RoleSpec(
    name: "trainer", nodes: 3, devicesPerNode: 2, ranksPerNode: 5, cpus: 4, memoryBytes: 1_500, command: ["a", "b c"],
    environment: [.init(name: "A", value: "1"), .init(name: "B", value: "\"q\"\n")], workingDirectory: "/w"),
  walltime: .milliseconds(5_400_001),
  restart: RestartPolicy(limit: 9, hangAfter: .seconds(61), grace: .milliseconds(1500), fence: .attempt),
  stop: StopPolicy(signal: 64, grace: .zero), checkpointEvery: 3, logLimitBytes: 1 << 30)

/// Asks for everything that a job can ask for.
private let wishful = {
  var spec = full
  spec.role.nodes = 32
  spec.wishes.segment = 16
  spec.wishes.within = Within(level: "block", isRequired: false)
  spec.wishes.spread = Spread(level: "rack", atMost: 2)
  spec.wishes.deviceTypes = ["H100", "NVIDIA A100 80GB"]
  spec.wishes.isExclusive = true
  spec.wishes.constraint = [
    LabelRule(key: "ib", value: "hdr"), LabelRule(key: "old", isNegated: true), LabelRule(key: "gdr"),
    LabelRule(key: "zone", value: "b", isNegated: true),
  ]
  spec.wishes.exclude = ["node-3", "node-7", "node-8"]
  spec.wishes.begin = Instant(nanoseconds: 1_796_112_000_250_000_000)
  spec.wishes.isHeld = true
  spec.wishes.dependsOn = [Dependency(kind: .afternotok, job: JobID(41)), Dependency(kind: .singleton)]
  spec.wishes.warning = Warning(signal: 10, before: .seconds(300))
  return spec
}()

private let modelled = {
  var spec = full
  var model = ModelSpec(parameters: 405_000_000_000, tokensPerStep: 16_777_216)
  (model.layers, model.hidden, model.sequence, model.attention) = (126, 16_384, 8_192, .causal)
  spec.model = model
  return spec
}()

@Suite struct JobFileJSONTests {
  @Test(
    "a job written as JSON reads back the same",
    arguments: [
      full, wishful, modelled, JobSpec(name: "m", user: "u", role: RoleSpec(command: ["x"], workingDirectory: "/")),
    ])
  func roundTrip(spec: JobSpec) throws {
    let text = spec.specJSON.text
    #expect(try JobFile.parse(json: JSON.parse(Array(text.utf8)), context: .wire).get() == spec)
    // The same text is YAML too.
    #expect(try JobFile.parse(yaml: text, context: .wire).get() == spec)
  }

  @Test("the wire's shape is the job file's, times and sizes as texts")
  func shape() {
    #expect(
      full.specJSON.text == """
        {"name":"n","project":"p","user":"u","priority":7,"roles":{"trainer":{"nodes":3,"devicesPerNode":2,\
        "ranksPerNode":5,"cpus":4,"memory":"1500B","command":["a","b c"],"environment":{"A":"1","B":"\\"q\\"\\n"},\
        "workingDirectory":"/w"}},"walltime":"1h30m1ms","restart":{"limit":9,"hangAfter":"1m1s","grace":"1s500ms",\
        "fence":"attempt"},"stop":{"signal":"64","grace":"0s"},"checkpoint":{"every":3},"logs":{"limit":"1GiB"}}
        """)
  }

  @Test("answers show times and sizes as numbers, with the unit in the field's name")
  func view() {
    #expect(
      full.viewJSON.text == """
        {"name":"n","project":"p","user":"u","priority":7,"roles":{"trainer":{"nodes":3,"devicesPerNode":2,\
        "ranksPerNode":5,"cpus":4,"memoryBytes":1500,"command":["a","b c"],"environment":{"A":"1","B":"\\"q\\"\\n"},\
        "workingDirectory":"/w"}},"walltimeSeconds":5400.001,"restart":{"limit":9,"hangAfterSeconds":61,\
        "graceSeconds":1.5,"fence":"attempt"},"stop":{"signal":"64","graceSeconds":0},"checkpoint":{"every":3},\
        "logs":{"limitBytes":1073741824},"priorityClass":null,"segment":null,"within":null,"spread":null,\
        "deviceTypes":[],"exclusive":false,"constraint":[],"exclude":[],"dependsOn":[],"hold":false,"begin":null,\
        "array":null,"warn":null,"model":null}
        """)
    #expect(
      JSON.object(wishful.viewJSON.objectValue?.suffix(13) ?? []).text == """
        {"segment":16,"within":{"level":"block","preferred":true},"spread":{"level":"rack","atMost":2},\
        "deviceTypes":["H100","NVIDIA A100 80GB"],"exclusive":true,"constraint":["ib=hdr","!old","gdr","zone!=b"],\
        "exclude":["node-3","node-7","node-8"],"dependsOn":["afternotok:41","singleton"],"hold":true,\
        "begin":"2026-12-01T08:00:00.250Z","array":null,"warn":{"signal":"USR1","beforeSeconds":300},"model":null}
        """)
    let bare = JobSpec(name: "m", user: "u", role: RoleSpec(command: ["x"], workingDirectory: "/")).viewJSON
    #expect(bare["walltimeSeconds"] == .null && bare["restart"]?["hangAfterSeconds"] == .null)
    #expect(bare["roles"]?["main"]?["memoryBytes"] == .null)
  }

  @Test("JSON has types: numbers for texts, texts for numbers, bare times and booleans are problems")
  func types() {
    let json: JSON = [
      "user": "u", "workingDirectory": "/w", "name": 5, "gang": ["nodes": "4", "memory": 512, "cpus": 1.5],
      "command": ["a", 8, true, nil], "environment": ["A": 1, "B": nil], "walltime": 90, "stop": ["signal": 15],
      "priority": "2nd", "logs": [], "checkpoint": nil, "walltimeSeconds": 5,
    ]
    guard case .failure(let errors) = JobFile.parse(json: json, context: .wire) else {
      Issue.record("accepted")
      return
    }
    #expect(
      errors.problems.map(\.field) == [
        "name", "gang.nodes", "gang.memory", "gang.cpus", "command[1]", "command[2]", "command[3]", "environment.A",
        "environment.B", "walltime", "priority", "logs", "walltimeSeconds",
      ])
    #expect(errors.problems.allSatisfy { $0.line == nil })
  }

  @Test("YAML and JSON of the same job have the same problems")
  func sameProblems() throws {
    let text = #"{"command":["a"],"gang":{"nodes":0,"x":1},"class":"c","restart":{"fence":"no"},"walltime":"x"}"#
    let context = SubmitContext(user: "u", workingDirectory: "/w")
    let fromJSON = JobFile.parse(json: try JSON.parse(Array(text.utf8)), context: context)
    let fromYAML = JobFile.parse(yaml: text, context: context)
    guard case .failure(let a) = fromJSON, case .failure(let b) = fromYAML else {
      Issue.record("accepted")
      return
    }
    #expect(a.problems.map(\.field) == b.problems.map(\.field))
    #expect(a.problems.map(\.rule) == b.problems.map(\.rule))
    #expect(a.problems.count == 5)
  }

  @Test("a problem on the wire has its line only where there is one")
  func wire() {
    let problem = JobFileProblem(line: 3, field: "gang.nodes", value: "0", rule: .wholeNumber(from: 1, to: 65_536))
    #expect(
      problem.json.text
        == #"{"line":3,"field":"gang.nodes","value":"0","allowed":"a whole number from 1 to 65536"}"#)
    #expect(problem.message(file: "a.yaml") == "a.yaml:3: gang.nodes: 0 (allowed: a whole number from 1 to 65536)")
    var without = problem
    without.line = nil
    #expect(without.json["line"] == nil)
    #expect(without.message(file: "") == "gang.nodes: 0 (allowed: a whole number from 1 to 65536)")
  }
}
