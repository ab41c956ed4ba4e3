import CMuster
import Glibc

/// Where one rank says how far it is: a datagram socket of mode 0600 in a short path (the kernel's limit is 108 bytes).
struct NoticeSocket: ~Copyable {
  let path: String
  let descriptor: Int32

  /// - Throws: the errno.
  init(folder: String, rank: Int32) throws(SystemFailure) {
    path = "\(folder)/\(rank)"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemFailure(call: "socket", code: errno) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemFailure(call: "socket path \(path)", code: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    unlink(path)
    let before = umask(0o177)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    umask(before)
    guard bound == 0 else { throw SystemFailure(call: "bind \(path)", code: errno) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  /// The next datagram of our own user; nil when there is none now. Others' and too long ones are skipped.
  func receive() -> Notice? {
    var buffer = [UInt8](repeating: 0, count: Notice.byteLimit)
    while true {
      var sender: uid_t = 0
      let n = muster_receive_note(descriptor, &buffer, buffer.count, &sender)
      if n < 0 { return nil }
      if sender == geteuid() || sender == 0, n <= Notice.byteLimit { return Notice(buffer.prefix(n)) }
    }
  }
}

/// A system call that failed.
struct SystemFailure: Error, CustomStringConvertible {
  var call: String
  var code: Int32
  var description: String { "\(call): \(errorText(code))" }
}
