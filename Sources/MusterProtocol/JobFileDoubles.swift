/// Lets a file be read although names stand in it twice. The YAML library refuses such a file whole, so that none of its
/// other problems could be told; it does say where one such name first stands. There a mark is put before the name, which
/// makes it another one for the library, until nothing is doubled. The tree's builder takes the marks off again.
struct JobFileDoubles {
  /// More in one file than a person has doubled by hand.
  static let limit = 100

  private(set) var yaml: String
  private let mark: String
  private(set) var count = 0

  init(yaml: String) {
    self.yaml = yaml
    // A word of the file must never be taken for a mark.
    var mark = "doubled"
    while yaml.contains(mark) { mark += "x" }
    self.mark = mark
  }

  /// Marks the name at that place, both from 1. False: there have been too many, or the place is not in the text.
  mutating func markName(line: Int, column: Int) -> Bool {
    guard count < JobFileDoubles.limit, var place = place(line: line, column: column) else { return false }
    count += 1
    let scalars = yaml.unicodeScalars
    if scalars[place] == "\"" || scalars[place] == "'" { place = scalars.index(after: place) }
    yaml.unicodeScalars.insert(contentsOf: "\(mark)\(count)-".unicodeScalars, at: place)
    return true
  }

  /// The name that the file has.
  func original(_ name: String) -> String {
    guard count > 0, name.hasPrefix(mark) else { return name }
    let rest = name.dropFirst(mark.count)
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    return rest.dropFirst(digits.count).first == "-" ? String(rest.dropFirst(digits.count + 1)) : name
  }

  /// Lines end as YAML's do; columns count Unicode scalars.
  private func place(line: Int, column: Int) -> String.UnicodeScalarIndex? {
    let scalars = yaml.unicodeScalars
    var (place, lineHere, columnHere) = (scalars.startIndex, 1, 1)
    while place < scalars.endIndex {
      if lineHere == line, columnHere == column { return place }
      let scalar = scalars[place]
      place = scalars.index(after: place)
      switch scalar {
      case "\r" where place < scalars.endIndex && scalars[place] == "\n": columnHere += 1
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": (lineHere, columnHere) = (lineHere + 1, 1)
      default: columnHere += 1
      }
    }
    return nil
  }
}
