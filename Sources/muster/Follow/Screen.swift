#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A whole terminal for one program: the other screen, no echo, keys one by one. What was there comes back at the end.
struct Screen: ~Copyable {
  struct Size: Hashable {
    var columns: Int
    var rows: Int
  }

  private var before = termios()
  private let hasKeys: Bool

  init() {
    hasKeys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0
    if hasKeys {
      var raw = before
      // Ctrl-C stays a signal. Ctrl-Z would leave the other screen behind.
      raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
      withUnsafeMutableBytes(of: &raw.c_cc) { bytes in
        bytes[Int(VSUSP)] = 0
        bytes[Int(VMIN)] = 0
        bytes[Int(VTIME)] = 0
      }
      tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    }
    Terminal.out("\u{1b}[?1049h\u{1b}[?25l")
  }

  deinit {
    Terminal.out("\u{1b}[?25h\u{1b}[?1049l")
    if hasKeys {
      var before = before
      tcsetattr(STDIN_FILENO, TCSANOW, &before)
    }
  }

  /// Of the terminal; 80 by 24 if it does not say.
  var size: Size {
    var window = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return Size(columns: 80, rows: 24)
    }
    return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
  }

  /// Drawn over what was there, line by line, so that nothing flickers.
  func draw(_ lines: [String]) {
    let size = size
    var text = "\u{1b}[H"
    for line in lines.prefix(size.rows) {
      text += Self.clipped(line, to: size.columns) + "\u{1b}[K"
      text += "\r\n"
    }
    // The last line's end would scroll.
    if lines.count >= size.rows { text.removeLast() }
    Terminal.out(text + "\u{1b}[J")
  }

  /// A line of at most so many places; what colours it takes none.
  static func clipped(_ line: String, to columns: Int) -> String {
    var (text, places, isEscape, hasColour) = ("", 0, false, false)
    for letter in line {
      if isEscape {
        text.append(letter)
        isEscape = !letter.isLetter
      } else if letter == "\u{1b}" {
        (isEscape, hasColour) = (true, true)
        text.append(letter)
      } else if places < columns {
        places += 1
        text.append(letter)
      }
    }
    return hasColour ? text + "\u{1b}[0m" : text
  }

  enum Key: Hashable {
    case letter(Character)
    case up, down
    case end
  }

  /// Waits for keys, a signal or the time, whichever is first. `.end`: nobody types any more.
  func keys(beside signal: Int32, milliseconds: Int32) -> [Key] {
    var entries = [pollfd(fd: signal, events: Int16(POLLIN), revents: 0)]
    if hasKeys { entries.append(pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)) }
    poll(&entries, nfds_t(entries.count), milliseconds)
    if entries[0].revents != 0 { return [.end] }
    guard hasKeys, entries[1].revents != 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    return count > 0 ? Self.keys(Array(bytes.prefix(count))) : [.end]
  }

  static func keys(_ bytes: [UInt8]) -> [Key] {
    var (keys, at): ([Key], Int) = ([], 0)
    while at < bytes.count {
      if bytes[at] == 0x1b, at + 2 < bytes.count,
        bytes[at + 1] == UInt8(ascii: "[") || bytes[at + 1] == UInt8(ascii: "O")
      {
        if bytes[at + 2] == UInt8(ascii: "A") { keys.append(.up) }
        if bytes[at + 2] == UInt8(ascii: "B") { keys.append(.down) }
        at += 3
      } else {
        if bytes[at] < 0x7f, bytes[at] >= 0x20 { keys.append(.letter(Character(UnicodeScalar(bytes[at])))) }
        at += 1
      }
    }
    return keys
  }
}
