import Glibc

/// Each connection takes a descriptor; the usual soft limit of 1,024 is for programs with few.
enum OpenFiles {
  /// Up to what the hard limit allows, for this process. Not for one that starts ranks: they would inherit it.
  static func raise() {
    var limit = rlimit()
    let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(files, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(files, &limit)
  }
}
