import Glibc
import MusterProtocol

/// `muster agent`: keeps a node's members as the controller intends them.
public enum AgentMain {
  /// Runs until it is killed. SIGTERM ends it at once; shims and ranks go on and are found again at the next start.
  public static func run(_ options: AgentOptions) -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    let code = makeFolder(options.dataFolder + "/run")
    guard code == 0 else {
      log("\(options.dataFolder) cannot be made: \(errorText(code))")
      return 1
    }
    let lock = open(options.dataFolder + "/agent.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      log("another agent has \(options.dataFolder): give this one another --data folder")
      return 5
    }
    if let own = ProcessTable.identity(getpid()) {
      let json: JSON = ["pid": JSON(own.pid), "start": JSON(own.start), "name": .string(options.name)]
      writeFile(options.dataFolder + "/agent.json", json.text)
    }
    var loop = AgentLoop(options: options, devices: DeviceReading(declared: options.devices))
    return loop.run()
  }

  static func log(_ text: String) {
    let line = "muster agent: \(text)\n"
    write(2, line, line.utf8.count)
  }
}
