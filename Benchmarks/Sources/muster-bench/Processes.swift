import Glibc

/// Starts a program in this process's session with all signals at their defaults.
/// - Parameter output: where its output goes; nil: nowhere. `errors` nil: to ours.
func start(
  _ arguments: [String], environment extra: [String: String] = [:], input: Int32? = nil, output: Int32? = nil,
  errors: Int32? = nil
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let input {
    posix_spawn_file_actions_adddup2(&actions, input, 0)
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  }
  if let output {
    posix_spawn_file_actions_adddup2(&actions, output, 1)
  } else {
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  }
  if let errors { posix_spawn_file_actions_adddup2(&actions, errors, 2) }
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

  var words = arguments.map { strdup($0) }
  words.append(nil)
  var variables: [UnsafeMutablePointer<CChar>?] = []
  var inherited = environ
  while let variable = inherited.pointee {
    let name = String(cString: variable).prefix { $0 != "=" }
    if extra[String(name)] == nil && !name.hasPrefix("MUSTER_") { variables.append(strdup(variable)) }
    inherited += 1
  }
  for (name, value) in extra { variables.append(strdup(name + "=" + value)) }
  variables.append(nil)
  defer {
    for word in words + variables { free(word) }
  }
  var process: pid_t = 0
  let result = posix_spawnp(&process, arguments[0], &actions, &attributes, words, variables)
  guard result == 0 else { throw Failure("cannot start \(arguments[0]): errno \(result)") }
  return process
}

/// Waits for a child of ours; its exit code, or 128 + the signal's number.
@discardableResult
func waitFor(_ process: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 && errno == EINTR {}
  return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
}

/// Runs a program to its end and gives what it printed.
func run(_ arguments: [String], input: String? = nil, errors: Int32? = nil) throws -> (code: Int32, output: [UInt8]) {
  let (reader, writer) = try makePipe()
  var source: Int32?
  if let input {  // Small enough for a pipe's buffer.
    let (inputReader, inputWriter) = try makePipe()
    let bytes = Array(input.utf8)
    guard write(inputWriter, bytes, bytes.count) == bytes.count else { throw Failure("short write to a pipe") }
    close(inputWriter)
    source = inputReader
  }
  defer { source.map { _ = close($0) } }
  let process: pid_t
  do {
    defer { close(writer) }
    process = try start(arguments, input: source, output: writer, errors: errors)
  }
  defer { close(reader) }
  var bytes: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(reader, &part, part.count)
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { break }
    bytes += part[..<count]
  }
  return (waitFor(process), bytes)
}

func makePipe() throws -> (reader: Int32, writer: Int32) {
  var ends: [Int32] = [0, 0]
  guard pipe(&ends) == 0 else { throw Failure("no pipe: errno \(errno)") }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}

/// The fields of /proc/PID/stat that we use.
struct ProcessUse {
  var parent: pid_t
  var state: Character
  /// Seconds on a processor in user and in kernel mode (10 ms grains).
  var userSeconds: Double
  var systemSeconds: Double

  init?(_ process: pid_t) {
    guard let text = readText("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let parent = pid_t(fields[1]), let user = Double(fields[11]),
      let system = Double(fields[12]), let state = fields[0].first
    else { return nil }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    self.parent = parent
    self.state = state
    userSeconds = user / ticks
    systemSeconds = system / ticks
  }
}

/// Nanoseconds on a processor, all threads of a process, from the scheduler itself.
func processorNanoseconds(_ process: pid_t) -> Int64 {
  var sum: Int64 = 0
  for thread in names(in: "/proc/\(process)/task") {
    let text = readText("/proc/\(process)/task/\(thread)/schedstat") ?? ""
    sum += text.split(separator: " ").first.flatMap { Int64($0) } ?? 0
  }
  return sum
}

/// A line of /proc/PID/status in MB (10^6 bytes), such as VmRSS or RssAnon.
func statusMegabytes(_ process: pid_t, _ field: String) -> Double {
  for line in (readText("/proc/\(process)/status") ?? "").split(separator: "\n") where line.hasPrefix(field + ":") {
    let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) }
    return (kibibytes ?? 0) * 1024 / 1e6
  }
  return 0
}

/// All living processes below one, children first found first.
func descendants(of root: pid_t) -> [pid_t] {
  var children: [pid_t: [pid_t]] = [:]
  for name in names(in: "/proc") {
    guard let process = pid_t(name), let use = ProcessUse(process), use.state != "Z" else { continue }
    children[use.parent, default: []].append(process)
  }
  var found: [pid_t] = []
  var waiting = [root]
  while let next = waiting.popLast() {
    for child in children[next] ?? [] {
      found.append(child)
      waiting.append(child)
    }
  }
  return found
}

/// Kills everything below this process, also what is started meanwhile, and takes in the dead. This process must be
/// their subreaper, else some would slip away to init.
func killDescendants() {
  for _ in 0..<500 {
    let living = descendants(of: getpid())
    for process in living { kill(process, SIGKILL) }
    while waitpid(-1, nil, WNOHANG) > 0 {}
    if living.isEmpty { return }
    sleepMilliseconds(10)
  }
}
