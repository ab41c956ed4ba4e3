import Testing

@testable import MusterMetrics

@Suite struct ProcessFiguresTests {
  /// A line as Linux writes it, of a program whose name is no easy one.
  static let line =
    "4242 (a) (b) S 1 4242 4242 0 -1 4194560 1200 0 3 0 250 50 0 0 20 0 7 0 9000 104857600 2560 18446744073709551615 1 1 0\n"

  @Test("a process's line in /proc is read behind its name")
  func line() throws {
    let figures = try #require(
      ProcessFigures(
        stat: Self.line, bootTime: 1_700_000_000, ticks: 100, pageBytes: 4096, openFiles: 5, maxFiles: 1024))
    #expect(figures.cpuSeconds == 3 && figures.threads == 7 && figures.startedAt == 1_700_000_090)
    #expect(figures.virtualBytes == 104_857_600 && figures.residentBytes == 2560 * 4096)
  }

  @Test("what is no such line gives no figures", arguments: ["", "1 (x) S 1 2", "no parenthesis"])
  func noLine(text: String) {
    #expect(
      ProcessFigures(stat: text, bootTime: 0, ticks: 100, pageBytes: 4096, openFiles: nil, maxFiles: 1) == nil)
  }

  @Test("this process has a start, memory and open files")
  func own() throws {
    let figures = try #require(ProcessFigures.read())
    #expect(figures.startedAt > 1_600_000_000 && figures.residentBytes > 1 << 20 && figures.threads >= 1)
    #expect((figures.openFiles ?? 0) >= 3 && figures.maxFiles > 0)
    #expect(figures.families.count == 7)
  }
}
