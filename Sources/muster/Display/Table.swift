/// Columns of text, two spaces apart, no rules: what `kubectl` and `squeue` print.
struct Table {
  enum Alignment: Sendable { case left, right }

  struct Column: Sendable {
    var title: String
    var alignment: Alignment
    init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  struct Cell: Sendable {
    var text: String
    var tone: Style.Tone?
    init(_ text: String, _ tone: Style.Tone? = nil) {
      self.text = Table.oneLine(text)
      self.tone = tone
    }
  }

  var columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// Every line ends with a newline, and none in a space.
  func text(_ style: Style) -> String {
    var widths = columns.map(\.title.count)
    for row in rows {
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.text.count) }
    }
    var text = line(columns.map { Cell($0.title, .strong) }, widths, style)
    for row in rows { text += line(row, widths, style) }
    return text
  }

  private func line(_ cells: [Cell], _ widths: [Int], _ style: Style) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: widths[index] - cell.text.count)
      let painted = style.paint(cell.text, cell.tone)
      if index > 0 { line += "  " }
      switch columns[index].alignment {
      case .right: line += padding + painted
      case .left: line += index == cells.count - 1 ? painted : painted + padding
      }
    }
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }

  /// Text from outside may not move the cursor or break a line.
  static func oneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else { return text }
    return String(text.map { $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f } ? " " : $0 })
  }

  static func shortened(_ text: String, to limit: Int) -> String {
    text.count <= limit ? text : text.prefix(limit - 3) + "..."
  }
}
