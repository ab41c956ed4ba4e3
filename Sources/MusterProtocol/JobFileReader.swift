import MusterCore

/// One reading of one job. Collects every problem instead of stopping at the first.
struct JobFileReader<Node: JobFileNode> {
  let context: SubmitContext
  var problems: [JobFileProblem]
  var spec = JobSpec(name: "", user: "", role: RoleSpec(command: [], workingDirectory: ""))
  /// Told apart from the default, which depends on `devicesPerNode`.
  var ranksPerNode: Int32?
  /// What `array` asks for.
  var array: ArrayRequest?
  var hasName = false
  var hasUser = false
  var hasCommand = false
  var hasWorkingDirectory = false

  /// Where a missing `command` would stand, and where the fields of the gang do.
  var rootLine: Int?
  var rolePath = ""
  var roleLine: Int?
  var gangPath = ""
  /// Of what is asked of a place: the job's or a role's.
  var wishPath = ""
  var nodesLine: Int?
  var ranksLine: Int?
  var segmentLine: Int?
  var warnLine: Int?

  /// `problems`: what is known to be wrong already.
  init(context: SubmitContext, problems: [JobFileProblem] = []) {
    self.context = context
    self.problems = problems
  }

  mutating func read(_ root: Node) -> Result<JobRequest, JobFileErrors> {
    rootLine = root.line
    roleLine = root.line
    readJob(root)
    finish()
    guard problems.isEmpty else { return .failure(errors) }
    return .success(JobRequest(spec: spec, array: array))
  }

  /// What has no line comes last; problems of one line stay in the order in which they were found.
  var errors: JobFileErrors {
    let sorted = problems.enumerated().sorted { a, b in
      (a.element.line ?? .max, a.offset) < (b.element.line ?? .max, b.offset)
    }
    return JobFileErrors(problems: sorted.map(\.element))
  }

  private mutating func readJob(_ root: Node) {
    guard let members = members(of: root, path: "", field: "", example: "command: [python3, train.py]") else { return }
    var roles: Node.Member?
    var shortForm: Node.Member?
    for member in members {
      let value = member.value
      if value.isNull, JobFileFields.job.contains(member.name) { continue }
      switch member.name {
      case "name":
        hasName = true
        if let name = name(value, "", "name") { spec.name = name }
      case "project": if let project = name(value, "", "project") { spec.project = project }
      case "user": readUser(value)
      case "priority": readPriority(value)
      case "gang":
        shortForm = shortForm ?? member
        readRole(value, path: "gang", known: JobFileFields.gang)
      case "command", "environment", "workingDirectory":
        shortForm = shortForm ?? member
        _ = readRoleField(member.name, value, path: "")
      case "roles": roles = member
      case "walltime": spec.walltime = span(value, "", "walltime", zero: false)
      case "restart": readRestart(value)
      case "stop": readStop(value)
      case "checkpoint": readCheckpoint(value)
      case "logs": readLogs(value)
      case "model": readModel(value)
      default:
        if !readWish(member.name, value) { unknown(member, path: "", known: JobFileFields.job) }
      }
    }
    // Last: what the job asks of its place holds for each role that says nothing else.
    if let roles { readRoles(roles.value) }
    if let roles, let shortForm {
      problem(max(roles.line ?? 0, shortForm.line ?? 0), "", "roles", "beside \(shortForm.name)", .oneForm)
    }
  }

  private mutating func readRoles(_ node: Node) {
    guard let roles = members(of: node, path: "", field: "roles", example: "main: {command: [python3, train.py]}")
    else { return }
    guard let first = roles.first else { return problem(node.line, "", "roles", "{}", .someRole) }
    if roles.count > JobFile.Limits.roles {
      problem(node.line, "", "roles", "\(roles.count) roles", .roles(limit: JobFile.Limits.roles))
    }
    for role in roles where !JobFileText.isName(role.name) {
      problem(role.line, "roles", role.name, "\"\(role.name)\"", .name)
    }
    for role in roles.dropFirst() {
      var other = self
      other.readWhole(role)
      other.finishRole()
      problems = other.problems
      spec.further.append(FurtherRole(role: other.spec.role, wishes: other.spec.wishes.place))
    }
    readWhole(first)
  }

  /// A role of several, or one that was given a name.
  private mutating func readWhole(_ role: Node.Member) {
    spec.role.name = role.name
    (rolePath, roleLine) = ("roles.\(role.name)", role.line)
    readRole(role.value, path: rolePath, known: JobFileFields.role)
  }

  private mutating func readRole(_ node: Node, path: String, known: [String]) {
    guard let members = members(of: node, path: "", field: path, example: "nodes: 4") else { return }
    gangPath = path
    for member in members {
      if member.value.isNull, known.contains(member.name) { continue }
      switch member.name {
      case "nodes": nodesLine = member.line
      case "ranksPerNode": ranksLine = member.line
      default: break
      }
      guard known.contains(member.name), readRoleField(member.name, member.value, path: path) else {
        unknown(member, path: path, known: known)
        continue
      }
    }
  }

  /// False if a role has no such field.
  private mutating func readRoleField(_ name: String, _ value: Node, path: String) -> Bool {
    switch name {
    case "nodes":
      if let number = integer(value, path, name, JobFile.Limits.nodes) { spec.role.nodes = Int32(number) }
    case "devicesPerNode":
      if let number = integer(value, path, name, JobFile.Limits.devicesPerNode) {
        spec.role.devicesPerNode = Int32(number)
      }
    case "ranksPerNode":
      if let number = integer(value, path, name, JobFile.Limits.ranksPerNode) { ranksPerNode = Int32(number) }
    case "cpus": if let number = integer(value, path, name, JobFile.Limits.cpus) { spec.role.cpus = Int32(number) }
    case "memory": if let bytes = memory(value, path, name) { spec.role.memoryBytes = bytes }
    case "command": readCommand(value, path: path)
    case "environment": readEnvironment(value, path: path)
    case "workingDirectory": readWorkingDirectory(value, path: path)
    default: return path.hasPrefix("roles.") && readPlaceWish(name, value, path)
    }
    return true
  }

  private mutating func readRestart(_ node: Node) {
    guard let members = members(of: node, path: "", field: "restart", example: "limit: 3") else { return }
    for member in members {
      let value = member.value
      if value.isNull, JobFileFields.restart.contains(member.name) { continue }
      switch member.name {
      case "limit":
        if let number = integer(value, "restart", "limit", JobFile.Limits.restarts) {
          spec.restart.limit = Int32(number)
        }
      case "hangAfter": spec.restart.hangAfter = span(value, "restart", "hangAfter", zero: false)
      case "grace": if let grace = span(value, "restart", "grace", zero: true) { spec.restart.grace = grace }
      case "fence":
        switch plainText(value) {
        case "auto": spec.restart.fence = .auto
        case "attempt": spec.restart.fence = .attempt
        case "strict": spec.restart.fence = .strict
        default: problem(value.line, "restart", "fence", value.shown, .fence)
        }
      default: unknown(member, path: "restart", known: JobFileFields.restart)
      }
    }
  }

  private mutating func readStop(_ node: Node) {
    guard let members = members(of: node, path: "", field: "stop", example: "grace: 30s") else { return }
    for member in members {
      let value = member.value
      if value.isNull, JobFileFields.stop.contains(member.name) { continue }
      switch member.name {
      case "signal": if let number = signal(value, "stop") { spec.stop.signal = number }
      case "grace": if let grace = span(value, "stop", "grace", zero: true) { spec.stop.grace = grace }
      default: unknown(member, path: "stop", known: JobFileFields.stop)
      }
    }
  }

  private mutating func readCheckpoint(_ node: Node) {
    guard let members = members(of: node, path: "", field: "checkpoint", example: "every: 100") else { return }
    for member in members {
      let value = member.value
      if value.isNull, JobFileFields.checkpoint.contains(member.name) { continue }
      switch member.name {
      case "every":
        if let steps = integer(value, "checkpoint", "every", JobFile.Limits.checkpointEvery) {
          spec.checkpointEvery = steps
        }
      default: unknown(member, path: "checkpoint", known: JobFileFields.checkpoint)
      }
    }
  }

  private mutating func readLogs(_ node: Node) {
    guard let members = members(of: node, path: "", field: "logs", example: "limit: 64MiB") else { return }
    for member in members {
      let value = member.value
      if value.isNull, JobFileFields.logs.contains(member.name) { continue }
      switch member.name {
      case "limit":
        guard let bytes = memory(value, "logs", "limit") else { continue }
        if bytes < JobFile.Limits.leastLogBytes {
          problem(value.line, "logs", "limit", value.shown, .memoryAtLeast("64KiB"))
        }
        spec.logLimitBytes = bytes
      default: unknown(member, path: "logs", known: JobFileFields.logs)
      }
    }
  }

  /// What needs the whole file: defaults from other fields, sums over several.
  private mutating func finish() {
    checkWarning()
    if !hasUser {
      if let user = context.user { spec.user = user } else { missing("user", .required("who submits the job")) }
    }
    finishRole()
    let ranks = spec.roles.reduce(Int64(0)) { $0 + Int64($1.nodes) * Int64($1.ranksPerNode) }
    if spec.hasRoles, problems.isEmpty, ranks > JobFile.Limits.worldSize {
      problem(rootLine, "", "roles", "\(ranks) ranks", .worldSize(limit: JobFile.Limits.worldSize))
    }
    if !hasName {
      spec.name = JobFileText.name(from: context.defaultName ?? JobFileText.baseName(spec.role.command.first ?? ""))
    }
  }

  private mutating func finishRole() {
    spec.role.ranksPerNode = ranksPerNode ?? max(1, spec.role.devicesPerNode)
    let worldSize = Int64(spec.role.nodes) * Int64(spec.role.ranksPerNode)
    if worldSize > JobFile.Limits.worldSize {
      let value = "\(spec.role.nodes) x \(spec.role.ranksPerNode) = \(worldSize)"
      problem(
        ranksLine ?? nodesLine, gangPath, ranksPerNode == nil ? "nodes" : "ranksPerNode", value,
        .worldSize(limit: JobFile.Limits.worldSize))
    }
    checkSegment()
    if !hasCommand { problem(roleLine, rolePath, "command", "(missing)", .command) }
    if !hasWorkingDirectory {
      if let directory = context.workingDirectory {
        spec.role.workingDirectory = directory
      } else {
        missing("workingDirectory", .required("an absolute path, e.g. /home/me/train"))
      }
    }
    if !context.exportedEnvironment.isEmpty { addExportedEnvironment() }
  }

  private mutating func missing(_ field: String, _ rule: JobFileRule) {
    problem(rootLine, "", field, "(missing)", rule)
  }
}
