import ArgumentParser
import MusterClient

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct NotifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notify", abstract: "Tell Muster how far a rank is; nothing outside of a job.",
    discussion: """
      Sends the messages as one datagram to the socket that MUSTER_NOTIFY_SOCKET names. STEP=n: step n is done. \
      CHECKPOINT=n: the whole gang's checkpoint of step n is complete and durable. READY=1. STATUS=text.
      """)

  @Argument(help: "Messages, e.g. STEP=120 or CHECKPOINT=100.")
  var messages: [String]

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let isSent = try Self.send(messages)
    if json { Terminal.out("{\"sent\":\(isSent)}\n") }
  }

  /// The receiver's limit.
  static let limitBytes = 4096

  /// Does nothing where `MUSTER_NOTIFY_SOCKET` is not set, so that a script runs outside Muster too.
  /// - Returns: whether it was sent.
  static func send(_ messages: [String]) throws -> Bool {
    guard !messages.isEmpty else { throw CommandFailure.notAMessage("nothing") }
    for message in messages {
      guard let equals = message.firstIndex(of: "="), equals > message.startIndex else {
        throw CommandFailure.notAMessage(message)
      }
    }
    let bytes = Array(messages.joined(separator: "\n").utf8)
    guard bytes.count <= limitBytes else {
      throw CommandFailure.messageTooLong(bytes: bytes.count, limit: limitBytes)
    }
    guard let value = getenv("MUSTER_NOTIFY_SOCKET") else { return false }
    let path = String(cString: value)
    guard !path.isEmpty else { return false }
    let failure = send(bytes, to: path)
    guard failure == 0 else {
      throw CommandFailure.notifyUnreachable(path: path, reason: String(cString: strerror(failure)))
    }
    return true
  }

  /// 0 or the system's error number.
  private static func send(_ bytes: [UInt8], to path: String) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < room else { return ENAMETOOLONG }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    #if canImport(Glibc)
      let type = Int32(SOCK_DGRAM.rawValue)
    #else
      let type = Int32(SOCK_DGRAM)
    #endif
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    // The receiver may be busy for a moment; a rank must not wait longer for telling its step.
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let sent = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(descriptor, bytes, bytes.count, 0, $0, size) }
    }
    return sent == bytes.count ? 0 : errno
  }
}
