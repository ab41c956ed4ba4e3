import Glibc
import MusterCore
import MusterProtocol

/// Reads a part of a rank's log for the controller, the cut-out middle told in a line.
enum LogReader {
  static let replyLimit: Int64 = 256 << 10

  static func read(_ request: LogRead, logFolder: String) -> LogData {
    let path = "\(logFolder)/\(request.attempt.job)/\(request.attempt.number)/rank-\(request.rank).log"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return LogData(id: request.id, error: "\(path): \(errorText(errno))") }
    defer { close(descriptor) }
    // The middle may be cut out while it is read: what was read then is read again.
    while true {
      let cut = cut(path)
      let data = read(request, descriptor: descriptor, path: path, cut: cut)
      if self.cut(path)?.to == cut?.to { return data }
    }
  }

  private static func read(
    _ request: LogRead, descriptor: Int32, path: String, cut: (from: Int64, to: Int64)?
  ) -> LogData {
    let size = FileStatus(descriptor)?.size ?? 0
    var offset = min(max(0, request.offset), size)
    var limit = min(max(0, request.limit), replyLimit)
    var notice: [UInt8] = []
    if let cut {
      if offset >= cut.from, offset < cut.to {
        notice = Array("\n[... \(cut.to - offset) bytes dropped ...]\n".utf8)
        offset = cut.to
      } else if offset < cut.from {
        limit = min(limit, cut.from - offset)
      }
    }
    var buffer = [UInt8](repeating: 0, count: Int(max(0, min(limit, size - offset))))
    let n = buffer.isEmpty ? 0 : pread(descriptor, &buffer, buffer.count, off_t(offset))
    guard n >= 0 else { return LogData(id: request.id, error: "\(path): \(errorText(errno))") }
    return LogData(id: request.id, offset: offset, next: offset + Int64(n), size: size, data: notice + buffer.prefix(n))
  }

  private static func cut(_ path: String) -> (from: Int64, to: Int64)? {
    let numbers = (readSmallFile(path + ".cut") ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
    return numbers.count == 2 && numbers[0] < numbers[1] ? (numbers[0], numbers[1]) : nil
  }
}
