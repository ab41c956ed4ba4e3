import Glibc

/// `DIR/rollups`: a folder a level, in it a file for each stretch of time, named by its beginning in seconds since 1970.
/// What is too old goes with its file.
final class RollupFolder {
  let path: String
  let kept: RollupsKept
  private var open: [RollupLevel: (stretch: Int64, file: BlockFile)] = [:]

  init(path: String, kept: RollupsKept) {
    self.path = path
    self.kept = kept
  }

  private func folder(_ level: RollupLevel) -> String { "\(path)/\(level.rawValue)" }
  private func name(_ level: RollupLevel, _ stretch: Int64) -> String { "\(folder(level))/\(stretch / 1000)" }

  /// - Throws: `StoreFault`; what was appended before it stays.
  func append(_ level: RollupLevel, _ rows: [RollupRow]) throws(StoreFault) {
    for (stretch, rows) in Dictionary(grouping: rows, by: { $0.at / level.stretch * level.stretch }) {
      try file(level, stretch).append(rows)
    }
  }

  private func file(_ level: RollupLevel, _ stretch: Int64) throws(StoreFault) -> BlockFile {
    if let held = open[level], held.stretch == stretch { return held.file }
    for folder in [path, folder(level)] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw StoreFault(path: folder, what: "make the folder", code: errno)
    }
    let file = try BlockFile(path: name(level, stretch), writes: true)
    // Rows of an earlier stretch come late now and then: they do not take the present one's place.
    if open[level].map({ $0.stretch < stretch }) ?? true { open[level] = (stretch, file) }
    return file
  }

  /// Rows of that key in files and blocks that touch the range; a file that cannot be read is passed over.
  func rows(_ level: RollupLevel, of key: Int64, in range: Range<Int64>, unreadable: (StoreFault) -> Void) -> [[UInt8]]
  {
    var found: [[UInt8]] = []
    for stretch in stretches(level) where stretch < range.upperBound && stretch + level.stretch > range.lowerBound {
      if let held = open[level], held.stretch == stretch {
        found += held.file.rows(of: key, in: range)
        continue
      }
      do throws(StoreFault) {
        found += try BlockFile(path: name(level, stretch), writes: false).rows(of: key, in: range)
      } catch {
        unreadable(error)
      }
    }
    return found
  }

  /// Beginnings of the stretches that have a file, milliseconds since 1970, oldest first.
  private func stretches(_ level: RollupLevel) -> [Int64] {
    Self.entries(folder(level)).compactMap { Int64($0).map { $0 * 1000 } }.sorted()
  }

  /// Deletes files of which everything is too old.
  func dropOld(now: Int64) {
    for level in RollupLevel.allCases {
      for stretch in stretches(level) where stretch + level.stretch + kept.time(level) < now {
        if open[level]?.stretch == stretch { open[level] = nil }
        unlink(name(level, stretch))
      }
    }
  }

  /// Bytes in files of the levels.
  var bytes: Int64 {
    RollupLevel.allCases.reduce(0) { sum, level in
      sum + Self.entries(folder(level)).reduce(0) { $0 + Self.size("\(folder(level))/\($1)") }
    }
  }

  static func size(_ file: String) -> Int64 {
    var status = stat()
    return stat(file, &status) == 0 ? Int64(status.st_size) : 0
  }

  /// Names in a folder; none if it is not there.
  static func entries(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}
