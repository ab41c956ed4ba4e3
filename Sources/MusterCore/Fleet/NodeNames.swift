/// Names of nodes as Slurm writes them: `node-[1-3,7],gpu01`.
public enum NodeNames {
  public enum Problem: Error, Hashable, Sendable {
    /// The part that is no name, e.g. `node-[3`.
    case unreadable(String)
    case tooMany(limit: Int)
  }

  /// All names, in the order written; a zero that leads keeps the width: `n[08-10]` is `n08`, `n09`, `n10`.
  public static func expand(_ text: String, limit: Int = 65_536) throws(Problem) -> [String] {
    var names: [String] = []
    for part in try parts(text) {
      var heads = [""]
      for piece in try pieces(part, limit) {
        var next: [String] = []
        for head in heads {
          for tail in piece {
            guard next.count < limit else { throw .tooMany(limit: limit) }
            next.append(head + tail)
          }
        }
        heads = next
      }
      guard names.count + heads.count <= limit else { throw .tooMany(limit: limit) }
      names += heads
    }
    return names
  }

  /// Between commas that are in no bracket.
  private static func parts(_ text: String) throws(Problem) -> [String] {
    var parts: [String] = []
    var part = ""
    var isInside = false
    for character in text {
      switch character {
      case "[" where isInside, "]" where !isInside: throw .unreadable(text)
      case "[": isInside = true
      case "]": isInside = false
      default: break
      }
      if character == ",", !isInside {
        parts.append(part)
        part = ""
      } else {
        part.append(character)
      }
    }
    parts.append(part)
    guard !isInside else { throw .unreadable(text) }
    return parts
  }

  /// What may stand at each place of a name: one text outside of brackets, several inside.
  private static func pieces(_ part: String, _ limit: Int) throws(Problem) -> [[String]] {
    var pieces: [[String]] = []
    var rest = part[...]
    while let open = rest.firstIndex(of: "["), let close = rest.firstIndex(of: "]") {
      if open > rest.startIndex { pieces.append([String(rest[..<open])]) }
      var numbers: [String] = []
      for range in rest[rest.index(after: open)..<close].split(separator: ",", omittingEmptySubsequences: false) {
        numbers += try Self.numbers(range, of: part, limit - numbers.count)
      }
      pieces.append(numbers)
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { pieces.append([String(rest)]) }
    let plain = pieces.filter { $0.count == 1 }.joined().joined()
    guard !pieces.isEmpty, part.utf8.count <= 1024, plain.utf8.allSatisfy(isNameByte) else { throw .unreadable(part) }
    return pieces
  }

  private static func numbers(_ range: Substring, of part: String, _ limit: Int) throws(Problem) -> [String] {
    let ends = range.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2, ends.allSatisfy({ !$0.isEmpty && $0.count <= 9 && $0.utf8.allSatisfy(isDigit) }),
      let first = Int(ends[0]), let last = Int(ends[ends.count - 1]), first <= last
    else { throw .unreadable(part) }
    guard last - first < limit else { throw .tooMany(limit: limit) }
    let width = ends[0].count
    return (first...last).map { number in
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: isDigit(byte)
    }
  }
}
