import MusterProtocol
import Testing

@testable import muster

/// A fleet of two blocks, of which one has more racks than are drawn.
enum TopologySamples {
  static func domain(
    _ level: String, _ path: String, nodes: Int, free: Int, busy: Int, out: Int, devicesInUse: Int, held: Int = 0,
    maintenance: Int = 0, suspect: Int = 0, isolated: Int = 0
  ) -> JSON {
    [
      "level": .string(level), "name": .string(path.split(separator: "/").last.map(String.init) ?? ""),
      "path": .string(path), "nodes": JSON(nodes), "free": JSON(free), "busy": JSON(busy), "outOfService": JSON(out),
      "held": JSON(held), "maintenance": JSON(maintenance), "suspect": JSON(suspect), "isolated": JSON(isolated),
      "devices": JSON(nodes * 4), "devicesInUse": JSON(devicesInUse),
    ]
  }

  static func place(_ level: String, _ nodes: Int, _ count: Int) -> JSON {
    ["level": .string(level), "nodes": JSON(nodes), "count": JSON(count)]
  }

  static let racks: [JSON] = [
    // One of its nodes is drained while it still works.
    domain("rack", "b1/r1", nodes: 18, free: 6, busy: 11, out: 2, devicesInUse: 42),
    domain("rack", "b1/r2", nodes: 18, free: 18, busy: 0, out: 0, devicesInUse: 0),
  ]
  static let manyRacks: [JSON] = (3...50).map { i in
    domain("rack", "b2/r\(i)", nodes: 18, free: i == 50 ? 0 : 17, busy: 1, out: i == 50 ? 17 : 0, devicesInUse: 4)
  }
  static let places: [JSON] = [
    place("block", 1, 823), place("block", 4, 205), place("block", 16, 51), place("rack", 1, 823),
    place("rack", 4, 193), place("rack", 16, 0),
  ]

  static let whole: JSON = [
    "levels": ["block", "rack"],
    "domains": .array(
      [domain("block", "b1", nodes: 36, free: 24, busy: 11, out: 2, devicesInUse: 42)] + racks
        + [domain("block", "b2", nodes: 864, free: 799, busy: 48, out: 17, devicesInUse: 192)] + manyRacks),
    "places": .array(places),
  ]
  static let level: JSON = ["levels": ["block", "rack"], "domains": .array(racks), "places": .array(places)]

  static var text: String {
    var text = "\n# topology\n" + TopologyText.text(whole, level: nil, .plain)
    text += "\n# topology of one level\n" + TopologyText.text(level, level: "rack", .plain)
    text += "\n# topology of nobody\n" + TopologyText.text(["levels": ["rack"], "domains": []], level: nil, .plain)
    return text
  }
}

@Suite struct TopologyDisplayTests {
  /// Of one rack beside one of 400 nodes, where a cell is ten nodes.
  private func bar(nodes: Int, free: Int, busy: Int) -> Substring {
    let out = nodes - free - busy
    let domains = [
      TopologySamples.domain("rack", "a", nodes: nodes, free: free, busy: busy, out: out, devicesInUse: 0),
      TopologySamples.domain("rack", "b", nodes: 400, free: 400, busy: 0, out: 0, devicesInUse: 0),
    ]
    let text = TopologyText.text(["levels": ["rack"], "domains": .array(domains)], level: nil, .plain)
    return text.split(separator: "\n")[1].split(separator: " ")[1]
  }

  @Test("a bar is as long as its nodes are many, and shows what is few")
  func bars() {
    #expect(bar(nodes: 400, free: 200, busy: 100) == "██████████▒▒▒▒▒▒▒▒▒▒────────────────────")
    #expect(bar(nodes: 400, free: 398, busy: 1) == "█▒──────────────────────────────────────")
    #expect(bar(nodes: 30, free: 28, busy: 1) == "█▒─")
    #expect(bar(nodes: 20, free: 18, busy: 1).count == 2)
    #expect(bar(nodes: 1, free: 0, busy: 0) == "▒" && bar(nodes: 9, free: 1, busy: 8) == "█")
  }

  @Test("held, suspect, isolated and in maintenance each have a sign, a number, and where there are any a column")
  func apart() {
    let rack = TopologySamples.domain(
      "rack", "r1", nodes: 18, free: 4, busy: 5, out: 6, devicesInUse: 20, held: 2, maintenance: 1, suspect: 1,
      isolated: 3)
    let lines = TopologyText.text(["levels": ["rack"], "domains": [rack]], level: nil, .plain).split(separator: "\n")
    #expect(lines[0] == "PLACE  NODES               FREE  BUSY  HELD  MAINT  OUT  DEVICES")
    #expect(lines[1] == "r1     █████▓▓?×××░▒▒────     4     5     2      1    6    20/72")
    #expect(
      lines[2]
        == "█ 5 busy  ▓ 2 held for a gang  ? 1 suspect  × 3 isolated  ░ 1 in maintenance  ▒ 2 drained or away  ─ 4 free"
    )
  }

  @Test("of one more than are drawn, that one is drawn, too")
  func oneMore() {
    func lines(_ count: Int) -> Int {
      let domains = (1...count).map { i in
        TopologySamples.domain("rack", "r\(i)", nodes: 1, free: 1, busy: 0, out: 0, devicesInUse: 0)
      }
      let text = TopologyText.text(["levels": ["rack"], "domains": .array(domains)], level: nil, .plain)
      return text.split(separator: "\n").filter { $0.contains("─") && !$0.contains("busy") }.count
    }
    #expect(lines(40) == 40 && lines(41) == 41 && lines(42) == 41)
  }

  @Test("an answer of an unknown shape is drawn without a crash")
  func unknown() {
    #expect(TopologyText.text([:], level: nil, .plain) == "No nodes.\n")
    let odd: JSON = ["levels": ["rack"], "domains": [["level": "hall", "nodes": 3, "busy": 9]]]
    #expect(TopologyText.text(odd, level: nil, .plain).contains("███"))
  }
}
