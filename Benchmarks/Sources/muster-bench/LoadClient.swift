import CLinux
import Glibc

/// Many keep-alive connections, one request in flight on each, one thread: a client that costs little beside the
/// server that it measures.
struct LoadClient {
  struct Outcome {
    /// Requests acknowledged with 201 and the seconds that took.
    var acknowledged = 0
    var refused = 0
    var refusal = ""
    var seconds = 0.0
    /// Of each acknowledged request.
    var latencies: [Int64] = []
    /// This process's own seconds on a processor.
    var clientSeconds = 0.0
    var isCutOff = false
  }

  private struct Connection {
    var descriptor: Int32
    var serial = 0
    var sentAt: Int64 = 0
    var isBusy = false
    var unsent: [UInt8] = []
    var received: [UInt8] = []
  }

  var port: Int
  var connections: Int
  /// The whole request with the given serial number.
  var request: (Int) -> [UInt8]
  /// Requests a second over all connections; nil: as fast as answers come.
  var rate: Double?
  /// What was acknowledged: serial number and the body of the answer.
  var onAcknowledged: ((Int, ArraySlice<UInt8>) -> Void)?

  static func post(_ path: String, token: String, body: [UInt8]) -> [UInt8] {
    Array(
      ("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\n"
        + "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n").utf8) + body
  }

  /// Sends until `seconds` have passed or `count` requests were sent, then takes the answers that are due. A server
  /// that goes away ends it early: what it had not acknowledged does not count.
  func run(seconds: Double, count: Int = .max) throws -> Outcome {
    var open: [Connection] = []
    defer { for connection in open { close(connection.descriptor) } }
    let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    defer { close(poll) }
    for i in 0..<connections {
      let descriptor = try connectLoopback(port: port)
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
      var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data(u32: UInt32(i)))
      epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event)
      open.append(Connection(descriptor: descriptor))
    }
    var outcome = Outcome()
    let ownBefore = ownSeconds()
    let begin = bootNanoseconds()
    let end = begin + Int64(seconds * 1e9)
    var sent = 0
    var last = begin
    var idle = Array(open.indices.reversed())
    var events = [epoll_event](repeating: epoll_event(), count: connections)
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let now = bootNanoseconds()
      let mayWrite = now < end && sent < count
      if mayWrite {
        let due = rate.map { Int(Double(now - begin) / 1e9 * $0) + 1 } ?? .max
        while sent < min(due, count), let i = idle.popLast() {
          open[i].serial = sent
          open[i].sentAt = bootNanoseconds()
          open[i].isBusy = true
          open[i].unsent = request(sent)
          sent += 1
          if !flush(&open[i]) { outcome.isCutOff = true }
        }
      }
      if outcome.isCutOff || (!mayWrite && idle.count == connections) { break }
      if now > end + 10_000_000_000 { throw Failure("requests without an answer for 10 s") }
      let ready = epoll_wait(poll, &events, Int32(connections), rate == nil ? 1_000 : 1)
      for k in 0..<max(0, Int(ready)) {
        let i = Int(events[k].data.u32)
        let got = read(open[i].descriptor, &part, part.count)
        if got < 0 && (errno == EAGAIN || errno == EINTR) { continue }
        if got <= 0 {
          outcome.isCutOff = true
          continue
        }
        if !open[i].unsent.isEmpty { _ = flush(&open[i]) }
        open[i].received += part[..<got]
        guard open[i].isBusy, let head = HTTPHead(open[i].received[...]),
          open[i].received.count >= head.bytes + head.contentLength
        else { continue }
        last = bootNanoseconds()
        if head.status == 201 {
          outcome.acknowledged += 1
          outcome.latencies.append(last - open[i].sentAt)
          onAcknowledged?(open[i].serial, open[i].received[head.bytes...])
        } else {
          outcome.refused += 1
          outcome.refusal = String(decoding: open[i].received, as: UTF8.self)
        }
        open[i].received.removeAll(keepingCapacity: true)
        open[i].isBusy = false
        idle.append(i)
      }
    }
    outcome.seconds = Double(last - begin) / 1e9
    outcome.clientSeconds = ownSeconds() - ownBefore
    return outcome
  }

  /// False when the server is gone. What does not fit now (a large body) is written by waiting: the server reads on.
  private func flush(_ connection: inout Connection) -> Bool {
    var done = 0
    while done < connection.unsent.count {
      let count = connection.unsent.withUnsafeBytes {
        send(connection.descriptor, $0.baseAddress?.advanced(by: done), $0.count - done, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        done += count
      } else if errno == EAGAIN {
        var writable = pollfd(fd: connection.descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&writable, 1, 1_000)
      } else if errno != EINTR {
        return false
      }
    }
    connection.unsent = []
    return true
  }
}

private func ownSeconds() -> Double {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}
