import CMuster
import Glibc
import MusterProtocol

/// `muster shim`: owns the ranks of one gang member. Started by an agent, told what to do over standard input, outlives
/// the agent.
public enum ShimMain {
  public static func run() -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    let isInit = getpid() == 1
    var hostProc: Int32?
    if isInit {
      let descriptor = muster_own_proc()
      if descriptor >= 0 { hostProc = descriptor } else { log("no /proc of our own: \(errorText(errno))") }
    } else {
      muster_subreaper()
    }
    let input: ShimInput
    do {
      input = try ShimInput(json: try JSON.parse(readAll(0) ?? ""))
    } catch {
      log("standard input holds no launch: \(error). A shim is started by `muster agent`, not by hand.")
      return 2
    }
    let null = open("/dev/null", O_RDONLY)
    if null > 0 {
      dup2(null, 0)
      close(null)
    }
    chdir("/")
    var loop = ShimLoop(input: input, isInit: isInit, hostProc: hostProc)
    loop.run()
    return 0
  }

  static func log(_ text: String) {
    let line = "muster shim: \(text)\n"
    write(2, line, line.utf8.count)
  }

  /// Our pid as the host sees it.
  static func outerPID(_ hostProc: Int32?) -> Int32 {
    guard let hostProc else { return getpid() }
    var buffer = [UInt8](repeating: 0, count: 32)
    let n = readlinkat(hostProc, "self", &buffer, buffer.count)
    return n > 0 ? Int32(String(decoding: buffer.prefix(n), as: UTF8.self)) ?? getpid() : getpid()
  }

  /// Where this program lies, so that ranks find `muster notify`.
  static var programFolder: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer.prefix(max(0, n)), as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/usr/bin"
  }
}
