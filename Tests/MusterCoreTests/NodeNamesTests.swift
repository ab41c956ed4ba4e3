import MusterCore
import Testing

@Suite struct NodeNamesTests {
  @Test(
    "names as Slurm writes them",
    arguments: [
      ("a", ["a"]), ("node-[1-3]", ["node-1", "node-2", "node-3"]), ("n[08-10]", ["n08", "n09", "n10"]),
      ("n[1,3-4],gpu01", ["n1", "n3", "n4", "gpu01"]), ("r[1-2]n[1-2]x", ["r1n1x", "r1n2x", "r2n1x", "r2n2x"]),
      ("a.b_c-d", ["a.b_c-d"]),
    ])
  func expands(text: String, names: [String]) throws {
    #expect(try NodeNames.expand(text) == names)
  }

  @Test(
    "what is no name", arguments: ["", "a,", "n[", "n]", "n[]", "n[1", "n[3-1]", "n[a]", "n[1-2-3]", "a b", "n[[1]]"])
  func unreadable(text: String) {
    #expect(throws: NodeNames.Problem.self) { try NodeNames.expand(text) }
  }

  @Test("more names than wanted are refused before they are made")
  func tooMany() {
    #expect(throws: NodeNames.Problem.tooMany(limit: 10)) { try NodeNames.expand("n[1-5]m[1-5]", limit: 10) }
    #expect(throws: NodeNames.Problem.tooMany(limit: 10)) { try NodeNames.expand("n[1-8],m[1-8]", limit: 10) }
    #expect(throws: NodeNames.Problem.self) { try NodeNames.expand("n[0-999999999]") }
  }

  @Test("what was written short reads back")
  func inverse() throws {
    let names = ["node-1", "node-2", "node-3", "gpu", "x07", "x08"]
    #expect(try NodeNames.expand(compactNodeList(names)) == names)
  }
}
