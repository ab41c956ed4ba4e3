import Foundation
import Glibc

/// Folders and files as the caller names them.
enum Paths {
  static func dataFolder() -> String {
    if let folder = CallerContext.environment["MUSTER_DATA"], !folder.isEmpty { return absolute(folder) }
    return (CallerContext.environment["HOME"] ?? "/") + "/.local/share/muster"
  }

  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  /// What follows the last slash.
  static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The program that runs now, for starting it again as an agent.
  static func executable() -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = readlink("/proc/self/exe", &buffer, buffer.count)
    return n > 0 ? String(decoding: buffer.prefix(n), as: UTF8.self) : "muster"
  }
}

/// Whether an address can be listened on, before anything is started.
enum Port {
  static func check(host: String, port: Int) throws {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &found) == 0 else { throw CommandFailure.notOurAddress(host: host) }
    freeaddrinfo(found)
    var numeric = in_addr()
    let isV6 = host.contains(":")
    guard port != 0, isV6 || host == "localhost" || inet_pton(AF_INET, host, &numeric) == 1 else { return }
    let descriptor = socket(isV6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let bound: Int32
    if isV6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(port).bigEndian
      inet_pton(AF_INET6, host, &address.sin6_addr)
      bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address.sin_addr)
      bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    // Only what is known for sure stops us here; all else the server itself will say.
    if bound != 0, errno == EADDRINUSE { throw CommandFailure.portBusy(host: host, port: port) }
    if bound != 0, errno == EADDRNOTAVAIL { throw CommandFailure.notOurAddress(host: host) }
    if bound != 0, errno == EACCES { throw CommandFailure.portForbidden(host: host, port: port) }
  }
}
