#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a person sees. Written at once, with no buffer: what is said is out even if the process is killed next.
enum Terminal {
  static func out(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }
  static func out(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }
  static func error(_ text: String) { write(Array(text.utf8), to: STDERR_FILENO) }

  /// Colour on a terminal, unless `NO_COLOR` has a value or the terminal can do nothing.
  static var outStyle: Style { style(of: STDOUT_FILENO) }
  static var errorStyle: Style { style(of: STDERR_FILENO) }
  static var outIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  private static func style(of descriptor: Int32) -> Style {
    let noColour = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
    return Style(isColoured: !noColour && !isDumb && isatty(descriptor) == 1)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { buffer in systemWrite(descriptor, buffer.baseAddress, buffer.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if errno != EINTR {
        return  // Nobody reads any more: there is nobody to tell.
      }
    }
  }

  private static func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, buffer, count)
    #elseif canImport(Musl)
      Musl.write(descriptor, buffer, count)
    #else
      Darwin.write(descriptor, buffer, count)
    #endif
  }
}
