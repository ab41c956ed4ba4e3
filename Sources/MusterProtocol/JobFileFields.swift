/// The names that each place of a job file knows.
enum JobFileFields {
  static let job = [
    "name", "project", "user", "priority", "gang", "command", "environment", "workingDirectory", "roles", "walltime",
    "restart", "stop", "checkpoint", "logs", "segment", "within", "spread", "deviceTypes", "exclusive", "constraint",
    "exclude", "array", "dependsOn", "hold", "begin", "warn", "model",
  ]
  static let within = ["level", "preferred"]
  static let spread = ["level", "atMost"]
  static let warn = ["signal", "before"]
  static let gang = ["nodes", "devicesPerNode", "ranksPerNode", "cpus", "memory"]
  static let role = gang + ["command", "environment", "workingDirectory"] + place
  static let place = ["segment", "within", "spread", "deviceTypes", "exclusive", "constraint", "exclude"]
  static let restart = ["limit", "hangAfter", "grace", "fence"]
  static let stop = ["signal", "grace"]
  static let checkpoint = ["every"]
  static let logs = ["limit"]
  static let model = [
    "parameters", "activeParameters", "layers", "hidden", "sequence", "tokensPerStep", "attention", "precision", "pass",
  ]

  /// Where each field may stand, for one that was written in the wrong place.
  private static let elsewhere: [String] =
    job + gang.map { "gang.\($0)" } + restart.map { "restart.\($0)" } + stop.map { "stop.\($0)" }
    + checkpoint.map { "checkpoint.\($0)" } + logs.map { "logs.\($0)" } + model.map { "model.\($0)" }

  /// The name that was probably meant: a close one of the same place, or the same one of another place.
  static func nearest(to name: String, in known: [String]) -> String? {
    let wanted = name.lowercased()
    let limit = max(1, min(3, wanted.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in known {
      let distance = editDistance(wanted, candidate.lowercased())
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    if let best { return best.name }
    return elsewhere.first { $0.lowercased() == wanted || $0.lowercased().hasSuffix(".\(wanted)") }
  }

  /// Levenshtein's distance, of names short enough that nobody waits for it.
  private static func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (letter == other ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}

/// Texts with rules.
enum JobFileText {
  static func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    return !bytes.isEmpty && bytes.count <= JobFile.Limits.nameLength && bytes.allSatisfy(isNameByte)
  }

  /// A letter first: a slip in a number is no name.
  static func isPriorityName(_ text: String) -> Bool {
    guard let first = text.utf8.first else { return false }
    return isName(text) && isLetterOrDigit(first) && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
  }

  static func isDeviceType(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= JobFile.Limits.deviceTypeLength && text.first != " " && text.last != " "
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0 != "," }
  }

  static func isUser(_ text: String) -> Bool {
    !text.isEmpty && text.count <= JobFile.Limits.nameLength
      && text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x21 && $0.value != 0x7f }
  }

  static func isEnvironmentName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "_") }
  }

  static func hasZero(_ text: String) -> Bool { text.utf8.contains(0) }

  /// A name made of a text: what a name may not have becomes a hyphen.
  static func name(from text: String) -> String {
    let bytes = text.utf8.prefix(JobFile.Limits.nameLength).map { isNameByte($0) ? $0 : UInt8(ascii: "-") }
    return bytes.isEmpty ? "job" : String(decoding: bytes, as: UTF8.self)
  }

  /// What follows the last slash.
  static func baseName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? ""
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
