import MusterCore
import MusterProtocol
import Testing

private let context = SubmitContext(user: "ada", workingDirectory: "/home/ada", defaultName: "train")

private func read(_ yaml: String, _ context: SubmitContext = context) throws -> JobSpec {
  try JobFile.parse(yaml: yaml, context: context).get()
}

/// "line field" of every problem.
private func places(_ yaml: String, _ context: SubmitContext = context) -> [String] {
  switch JobFile.parse(yaml: yaml, context: context) {
  case .success: []
  case .failure(let errors): errors.problems.map { "\($0.line.map(String.init) ?? "-") \($0.field)" }
  }
}

@Suite struct JobFileDefaultTests {
  @Test("only the command is required")
  func onlyCommand() throws {
    let spec = try read("command: [python3, train.py]")
    #expect(
      spec
        == JobSpec(
          name: "train", user: "ada", role: RoleSpec(command: ["python3", "train.py"], workingDirectory: "/home/ada")))
    #expect(spec.role.nodes == 1 && spec.role.devicesPerNode == 0 && spec.role.ranksPerNode == 1)
    #expect(spec.project == "default" && spec.restart.limit == 3 && spec.logLimitBytes == 64 << 20)
  }

  @Test("one rank for each device unless the file says otherwise", arguments: [("", 8), (", ranksPerNode: 2", 2)])
  func ranks(extra: String, expected: Int32) throws {
    #expect(try read("gang: {nodes: 2, devicesPerNode: 8\(extra)}\ncommand: [a]").role.ranksPerNode == expected)
  }

  @Test("the program names a job whose file has no name")
  func programName() throws {
    var bare = context
    bare.defaultName = nil
    #expect(try read("command: [/usr/bin/my prog, x]", bare).name == "my-prog")
    #expect(try read("{command: [a], name: n.1_2-3}", bare).name == "n.1_2-3")
  }

  @Test("every field is read, in the short form and as a role")
  func everyField() throws {
    let common = """
      name: n
      project: p
      user: u
      priority: -5
      walltime: "1-02:03:04"
      restart: {limit: 0, hangAfter: 10m, grace: 0s, fence: strict}
      stop: {signal: SIGUSR1, grace: 1m30s}
      checkpoint: {every: 100}
      logs: {limit: 64KiB}

      """
    let short =
      common + """
        gang: {nodes: 4, devicesPerNode: 2, ranksPerNode: 3, cpus: 6, memory: 16GiB}
        command: [python3, train.py, 8, no, 1:30:00, ""]
        environment: {B: no, A: 1, C: }
        workingDirectory: sub/dir
        """
    let long =
      common + """
        roles:
          main:
            nodes: 4
            devicesPerNode: 2
            ranksPerNode: 3
            cpus: 6
            memory: 16GiB
            command: [python3, train.py, "8", "no", "1:30:00", ""]
            environment: {B: "no", A: "1", C: ""}
            workingDirectory: sub/dir
        """
    let spec = try read(short)
    #expect(spec == (try read(long)))
    let role = RoleSpec(
      nodes: 4, devicesPerNode: 2, ranksPerNode: 3, cpus: 6, memoryBytes: 16 << 30,
      command: ["python3", "train.py", "8", "no", "1:30:00", ""],
      environment: [
        EnvironmentVariable(name: "A", value: "1"), EnvironmentVariable(name: "B", value: "no"),
        EnvironmentVariable(name: "C", value: ""),
      ],
      workingDirectory: "/home/ada/sub/dir")
    let expected = JobSpec(
      name: "n", project: "p", user: "u", priority: -5, role: role, walltime: .seconds(93_784),
      restart: RestartPolicy(limit: 0, hangAfter: .seconds(600), grace: .zero, fence: .strict),
      stop: StopPolicy(signal: 10, grace: .seconds(90)), checkpointEvery: 100, logLimitBytes: 64 << 10)
    #expect(spec == expected)
  }

  @Test("a scalar without quotes is the text that was written")
  func plainTexts() throws {
    let role = try read(
      "command: [echo, null, ~, no, 1:30:00, 0x10, 1e3]\nenvironment: {A: null, B: ~, C: yes, D: }"
    ).role
    #expect(role.command == ["echo", "null", "~", "no", "1:30:00", "0x10", "1e3"])
    #expect(role.environment.map(\.value) == ["null", "~", "yes", ""])
  }

  @Test("a file may begin with a byte order mark")
  func byteOrderMark() throws {
    #expect(try read("\u{FEFF}command: [a]\nname: b").name == "b")
  }

  @Test("over the wire who and where are unknown, and no path is relative")
  func wire() throws {
    let spec = try read("command: [a]", .wire)
    #expect(spec.user == "unknown" && spec.role.workingDirectory == "/" && spec.name == "a")
  }

  @Test("a role may have another name than main")
  func roleName() throws {
    #expect(try read("roles: {trainer: {command: [a]}}").role.name == "trainer")
  }

  @Test("a field with nothing behind it keeps its default")
  func emptyField() throws {
    #expect(
      try read("command: [a]\nrestart:\nwalltime: ~\npriority: null\nstop:\n  grace:\ngang:\n  cpus:\n").role.cpus == 0)
  }

  @Test("the sample is a valid job, and stays one with its examples switched on")
  func sample() throws {
    #expect(try read(JobFile.sample).role.command == ["python3", "train.py"])
    let lines = JobFile.sample.split(separator: "\n", omittingEmptySubsequences: false)
    let active = lines.map { line -> String in
      guard let mark = line.firstIndex(of: "#"), line[line.index(after: mark)...].hasPrefix(" ") else {
        return String(line)
      }
      let rest = line[line.index(mark, offsetBy: 2)...]
      let indent = line[..<mark]
      guard indent.allSatisfy({ $0 == " " }), rest.contains(":"), !rest.contains("Submit it with"),
        !rest.hasPrefix("MASTER"), !rest.hasPrefix("The gang")
      else { return String(line) }
      return String(indent) + String(rest)
    }
    let spec = try read(active.joined(separator: "\n"))
    #expect(spec.walltime == .seconds(12 * 3600) && spec.checkpointEvery == 100)
    #expect(spec.role.memoryBytes == 16 << 30 && spec.role.environment.count == 1)
  }
}

@Suite struct JobFileProblemTests {
  @Test("all problems of a file are reported together, in the order of its lines")
  func together() {
    let yaml = """
      nam: x
      gang:
        nodes: 0
        devices: 8
      command: python3 train.py
      walltime: 90
      environment:
        MUSTER_X: 1
        1A: 2
      class: gpu
      """
    #expect(
      places(yaml) == [
        "1 nam", "3 gang.nodes", "4 gang.devices", "5 command", "6 walltime", "8 environment.MUSTER_X",
        "9 environment.1A", "10 class",
      ])
  }

  @Test("what is missing is said once, after what is wrong, at the mapping that it is missing in")
  func missing() {
    #expect(places("priority: so high") == ["1 priority", "1 command"])
    #expect(places("") == ["1 command"])
    #expect(places("name: a\nroles:\n  main: {nodes: 0}") == ["3 roles.main.nodes", "3 roles.main.command"])
    #expect(places("command: []") == ["1 command"])
    #expect(
      places("command: [a]", SubmitContext(user: nil, workingDirectory: nil)) == ["1 user", "1 workingDirectory"])
    #expect(places("workingDirectory: sub\ncommand: [a]\nuser: u", .wire) == ["1 workingDirectory"])
  }

  @Test("every word kept for later is refused, wherever a field may stand", arguments: JobFile.reserved)
  func reserved(word: String) {
    for (yaml, field) in [
      ("command: [a]\n\(word): 1", word), ("command: [a]\ngang: {\(word): 1}", "gang.\(word)"),
      ("roles:\n  main: {command: [a], \(word): 1}", "roles.main.\(word)"),
    ] {
      #expect(places(yaml) == ["2 \(field)"])
      guard case .failure(let errors) = JobFile.parse(yaml: yaml, context: context) else { continue }
      #expect(errors.problems[0].rule == .notYet)
    }
  }

  @Test("the nearest name is suggested, of the same place first, then of another")
  func suggestions() {
    for (yaml, nearest) in [
      ("comand: [a]", "command"), ("nodes: 4", "gang.nodes"), ("gang: {devicePerNode: 1}", "devicesPerNode"),
      ("signal: TERM", "stop.signal"), ("restart: {hang_after: 1s}", "hangAfter"), ("PROJECT: x", "project"),
    ] {
      guard case .failure(let errors) = JobFile.parse(yaml: yaml, context: context),
        case .knownField(_, let found) = errors.problems[0].rule
      else {
        Issue.record("\(yaml) was not refused as an unknown field")
        continue
      }
      #expect(found == nearest, "\(yaml)")
    }
    guard case .failure(let errors) = JobFile.parse(yaml: "zzzzzz: 1", context: context),
      case .knownField(_, nil) = errors.problems[0].rule
    else {
      Issue.record("a name near nothing got a suggestion")
      return
    }
  }

  @Test(
    "limits hold at both ends",
    arguments: [
      ("gang.nodes", "1", true), ("gang.nodes", "65536", true), ("gang.nodes", "65537", false),
      ("gang.nodes", "0", false), ("gang.nodes", "-1", false), ("gang.nodes", "1.5", false),
      ("gang.nodes", "\"4\"", false), ("gang.nodes", "four", false), ("gang.nodes", "0x4", false),
      ("gang.nodes", "[4]", false), ("gang.nodes", "99999999999999999999", false),
      ("gang.devicesPerNode", "64", true), ("gang.devicesPerNode", "65", false), ("gang.devicesPerNode", "0", true),
      ("gang.ranksPerNode", "1024", true), ("gang.ranksPerNode", "1025", false), ("gang.ranksPerNode", "0", false),
      ("gang.cpus", "65536", true), ("gang.cpus", "-1", false), ("priority", "-1000000000", true),
      ("priority", "1000000001", false), ("restart.limit", "1000", true), ("restart.limit", "1001", false),
      ("checkpoint.every", "0", true), ("checkpoint.every", "-1", false), ("logs.limit", "64KiB", true),
      ("logs.limit", "63KiB", false), ("walltime", "0s", false), ("walltime", "1ms", true),
      ("restart.hangAfter", "0s", false), ("restart.grace", "0s", true), ("stop.signal", "64", true),
      ("stop.signal", "65", false), ("stop.signal", "0", false), ("name", "a b", false), ("name", "\"\"", false),
      ("user", "DOMAIN\\ada", true), ("user", "a b", false), ("restart.fence", "auto", true),
      ("restart.fence", "Auto", false),
    ])
  func limits(field: String, value: String, isAllowed: Bool) {
    let parts = field.split(separator: ".")
    let line = parts.count == 1 ? "\(field): \(value)" : "\(parts[0]): {\(parts[1]): \(value)}"
    #expect(places("command: [a]\n\(line)") == (isAllowed ? [] : ["2 \(field)"]))
  }

  @Test("sums have limits of their own")
  func sums() {
    #expect(places("command: [a]\ngang: {nodes: 1024, ranksPerNode: 1024}") == [])
    #expect(places("command: [a]\ngang: {nodes: 1025, ranksPerNode: 1024}") == ["2 gang.ranksPerNode"])
    #expect(places("command: [a]\ngang:\n  nodes: 65536\n  devicesPerNode: 64") == ["3 gang.nodes"])
    let word = String(repeating: "x", count: (128 << 10) - 1)
    #expect(places("command: [\(word)]") == [])
    #expect(places("command: [\(word), y]") == ["1 command"])
    let many = (0..<1025).map { "  V\($0): x" }.joined(separator: "\n")
    #expect(places("command: [a]\nenvironment:\n\(many)") == ["3 environment"])
    #expect(places("command: [a]\nenvironment: {A: \(word)}") == ["2 environment"])
    #expect(places("command: [a]\nname: \(String(repeating: "n", count: 128))") == [])
    #expect(places("command: [a]\nname: \(String(repeating: "n", count: 129))") == ["2 name"])
  }

  @Test("texts with a zero inside are refused: the kernel would cut them")
  func zeros() {
    #expect(places("command: [a, \"b\\0c\"]") == ["1 command[1]"])
    #expect(places("command: [a]\nenvironment: {A: \"\\0\"}") == ["2 environment.A"])
    #expect(places("command: [\"\"]") == ["1 command[0]"])
    #expect(places("command: [a, ~, [b]]") == ["1 command[2]"])
    #expect(places("command:\n- a\n-") == ["3 command[1]"])
  }

  @Test("both forms at once and no role are problems, and each role has its own")
  func forms() {
    #expect(places("command: [a]\nroles: {main: {command: [a]}}") == ["2 roles"])
    #expect(places("roles: {main: {command: [a]}}\ngang: {nodes: 1}") == ["2 roles"])
    #expect(places("roles: {}") == ["1 roles", "1 command"])
    #expect(places("roles:\n  main: {command: [a]}\n  eval: {command: [b]}") == [])
    #expect(
      places("roles:\n  main: {command: [a]}\n  eval: {nodes: 3, segment: 2}") == [
        "3 roles.eval.segment", "3 roles.eval.command",
      ])
    #expect(
      places("roles:\n  main: {command: [a], nodes: 0}\n  eval: {command: b, nods: 1}") == [
        "2 roles.main.nodes", "3 roles.eval.command", "3 roles.eval.nods",
      ])
    #expect(places("roles: [main]") == ["1 roles", "1 command"])
  }

  @Test("what is no YAML, no mapping, doubled or too large is refused with its line")
  func trees() {
    #expect(places("command: [a\nname: x") == ["2 "])
    #expect(places("command: [a]\ncommand: [b]") == ["2 command"])
    #expect(places("command: [a]\n---\ncommand: [b]") == ["3 "])
    #expect(places("- a") == ["1 ", "1 command"])
    #expect(places("command: [a]\n? [x]\n: 1") == ["2 "])
    #expect(places("command: [a] # \(String(repeating: "x", count: 1 << 20))") == ["- "])
    let bomb =
      "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
      + zip("abcdef", "bcdefg").map {
        "\($1): &\($1) [\(Array(repeating: "*\($0)", count: 10).joined(separator: ","))]\n"
      }
      .joined()
    #expect(places(bomb).count == 1)
    #expect(places(String(repeating: "[", count: 400) + String(repeating: "]", count: 400)).count == 1)
  }

  @Test("a name that stands twice hides no other problem, wherever it stands")
  func doubled() {
    #expect(
      places("name: \"a b\"\npriority: x!\npriority: 4\nwalltime: 9") == [
        "1 name", "1 command", "2 priority", "3 priority", "4 walltime",
      ])
    #expect(
      places("restart:\n  limit: 1\n  limit: -2\ncommand: [a]\ngang: {nodes: 1, 'nodes': 0}") == [
        "3 restart.limit", "3 restart.limit", "5 gang.nodes", "5 gang.nodes",
      ])
    #expect(places("\"é\": 1\r\n\"é\": 2\r\né: 3\r\ncommand: [a]") == ["1 é", "2 é", "2 é", "3 é", "3 é"])
    #expect(places("command: [a]\nenvironment:\n  ? A\n  : 1\n  ? A\n  : 2") == ["5 environment.A"])
    guard case .failure(let errors) = JobFile.parse(yaml: "command: [a]\nname: b\nname: c", context: context) else {
      Issue.record("accepted")
      return
    }
    #expect(errors.problems.map(\.value) == ["c"] && errors.problems[0].rule == .once(firstLine: 2))
  }

  @Test(
    "what cannot be marked is refused all the same",
    arguments: [
      "command: [a]\n: 1\n: 2", "command: [a]\n~: 1\n~: 2", "command: [a]\n!!str a: 1\na: 2", "{? [a] : 1, ? [a] : 2}",
      "command: [a]\n&x name: 1\n*x : 2", "command: [a]\n&x name: 1\n&y name: 2",
      "command: [a]\n" + (0..<300).map { "n\($0 / 2): 1" }.joined(separator: "\n"),
    ])
  func doubledOddly(yaml: String) {
    #expect(!places(yaml).isEmpty)
  }

  @Test("an anchor stands for its value")
  func anchors() throws {
    #expect(try read("command: &c [a, b]\nenvironment: {A: &x 1, B: *x}").role.environment[1].value == "1")
  }
}

@Suite struct JobFileEnvironmentTests {
  @Test("the caller's environment comes under the file's, never MUSTER_*, sorted by name")
  func exported() throws {
    var caller = context
    caller.exportedEnvironment = [
      .init(name: "PATH", value: "/bin"), .init(name: "A", value: "caller"), .init(name: "MUSTER_TOKEN", value: "s"),
      .init(name: "BASH_FUNC_x%%", value: "()"), .init(name: "HOME", value: "/home/ada"),
      .init(name: "HOME", value: "/twice"),
    ]
    let spec = try read("command: [a]\nenvironment: {Z: 1, A: file}", caller)
    #expect(spec.role.environment.map { "\($0.name)=\($0.value)" } == ["A=file", "HOME=/home/ada", "PATH=/bin", "Z=1"])
  }

  @Test("an exported environment that is too large is a problem of the environment")
  func exportedTooLarge() {
    var caller = context
    caller.exportedEnvironment = (0..<1030).map { .init(name: "V\($0)", value: "") }
    #expect(places("command: [a]", caller) == ["- environment"])
  }
}
