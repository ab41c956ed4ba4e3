import Glibc
import MusterProtocol
import MusterTLS

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
    if let code = join(options) { return code }
    // Of an earlier start, which may have listened elsewhere.
    unlink(options.dataFolder + "/metrics-address")
    var served = options
    var token = ""
    do throws(MetricsOptions.NoToken) {
      token = try options.metrics?.token(dataFolder: options.dataFolder) ?? ""
    } catch {
      // A node's jobs do not hang on its metrics.
      log("no metrics are served: \(error)")
      served.metrics = nil
    }
    let devices = DeviceInventory(declared: options.devices)
    let watch = DeviceWatch(options.counters, devices: Int(devices.count), type: options.deviceType ?? devices.type)
    watch.start()
    var loop = AgentLoop(options: served, devices: devices, watch: watch, metricsToken: token)
    return loop.run()
  }

  /// Gets a certificate where there is none, or the one there is has expired or is another node's. - Returns: an exit
  /// code if it cannot be had.
  private static func join(_ options: AgentOptions) -> Int32? {
    guard case .identity(let folder) = options.credentials else { return nil }
    let identity = NodeIdentity(folder: folder)
    var problem = "it has no certificate"
    if identity.isThere {
      do {
        let held = try identity.certificate()
        if held.node == options.name, held.notAfter > WallClock.seconds { return nil }
        problem =
          held.node == options.name ? "its certificate has expired" : "its certificate is that of node \"\(held.node)\""
        // By this clock, which may be wrong: without a token the controller decides.
        if held.node == options.name, options.joinToken == nil { return nil }
      } catch {
        problem = "its certificate cannot be read: \(error)"
      }
    }
    guard let token = options.joinToken else {
      log("\(problem): join with --token (`muster token create` prints one)")
      return 5
    }
    let joining = Joining(addresses: options.addresses, identity: identity, name: options.name)
    var pause: UInt32 = 1
    while true {
      do throws(Joining.Failure) {
        try joining.run(token)
        log("joined as \(options.name)")
        return nil
      } catch {
        switch error {
        case .refused(let reason):
          log("cannot join: \(reason)")
          return 5
        case .unreachable(let reason): log("cannot join yet: \(reason)")
        }
      }
      sleep(pause)
      pause = min(pause * 2, 4)
    }
  }

  static func log(_ text: String) {
    let line = "muster agent: \(text)\n"
    write(2, line, line.utf8.count)
  }
}
