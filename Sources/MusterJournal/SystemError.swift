import Glibc

/// What an `errno` value means, in the system's words.
enum SystemError {
  static func text(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }
}

extension JournalError {
  /// The system call that just failed on this thread: read `errno` before anything else can change it.
  static func lastCall(_ call: String, _ path: String) -> JournalError {
    .system(call: call, path: path, errno: errno)
  }
}
