import Glibc

/// What this machine is: identity, boot, size.
struct Machine {
  var identity: String
  var boot: String
  var cpus: Int32
  var memoryBytes: Int64

  /// - Parameter name: several nodes of one machine (a controller's local ones) are told apart by it.
  init(name: String, dataFolder: String, bootID: String?) {
    let machine = readSmallFile("/etc/machine-id")?.filter { !$0.isWhitespace } ?? ""
    identity = (machine.isEmpty ? Self.kept(dataFolder) : machine) + "/" + name
    boot = bootID ?? readSmallFile("/proc/sys/kernel/random/boot_id")?.filter { !$0.isWhitespace } ?? "unknown"
    cpus = Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    memoryBytes = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// A machine without an id gets one that stays in the node's folder.
  private static func kept(_ folder: String) -> String {
    let file = folder + "/machine-id"
    if let text = readSmallFile(file)?.filter({ !$0.isWhitespace }), !text.isEmpty { return text }
    let made = readSmallFile("/proc/sys/kernel/random/uuid")?.filter { !$0.isWhitespace } ?? "unknown"
    writeFile(file, made + "\n")
    return made
  }
}
