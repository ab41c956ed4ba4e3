import Glibc

/// Gives back the pages of the program and its libraries that only the start has touched. A shim lives as long as its
/// ranks and stands once for each gang member on a node: what it keeps resident is kept thousands of times.
///
/// Only mappings of files without a single changed page are given back: they come again from the page cache when they
/// are touched. (Relocated read-only data has changed pages and is left alone.)
enum StartupPages {
  static func giveBack() {
    guard let text = readSmallFile("/proc/self/smaps") else { return }
    var range: (start: UInt, end: UInt)?
    var changed = false
    func finish() {
      if let range, !changed {
        // A failure changes nothing: the pages stay.
        madvise(UnsafeMutableRawPointer(bitPattern: range.start), Int(range.end - range.start), MADV_DONTNEED)
      }
      range = nil
    }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let first = words.first else { continue }
      if first.contains("-"), !first.hasSuffix(":") {
        finish()
        changed = false
        let ends = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
        let isFile = words.count >= 6 && words[5].hasPrefix("/")
        if ends.count == 2, isFile, words[1] == "r-xp" || words[1] == "r--p" { range = (ends[0], ends[1]) }
      } else if first == "Private_Dirty:" || first == "Anonymous:" || first == "Swap:" {
        if words.count > 1, words[1] != "0" { changed = true }
      }
    }
    finish()
  }
}
