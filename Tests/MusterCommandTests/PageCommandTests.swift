import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct PageCommandTests {
  @Test("it says where the page is, and keeps the token to itself")
  func address() throws {
    let folder = try TestFolder()
    try folder.write("http://127.0.0.1:7071\n", to: "address")
    try folder.write("0123456789abcdef0123456789abcdef\n", to: "token")
    let shown = try Program.run(["page", "--data", folder.path])
    #expect(shown.status == 0 && shown.out.hasPrefix("http://127.0.0.1:7071/\n"))
    let json = try Program.run(["page", "--data", folder.path, "--json"])
    #expect(json.out.filter { !$0.isWhitespace } == #"{"url":"http://127.0.0.1:7071/"}"#)
    #expect(![shown.out, shown.error, json.out, json.error].joined().contains("0123456789abcdef"))
  }

  @Test(
    "a name for browsers is a name alone, and a folder has the page",
    arguments: [("--allow-host", "head:7070"), ("--allow-host", "http://head"), ("--page-folder", "/no/where")])
  func options(option: String, value: String) throws {
    let refused = try Program.run(["server", option, value])
    #expect(refused.status == 2 && refused.error.contains("\(option) is \"\(value)\""))
  }
}
