import MusterTestKit
import Testing

@testable import MusterAgent

@Suite struct LinkAddressesTests {
  @Test(
    "an address is a host and a port",
    arguments: [
      ("head:7070", true), ("https://head:7070/", true), ("[::1]:7070", true), ("head", false), ("head:0", false),
      ("head:99999", false), ("", false), ("ftp://head:1", false), ("head/x:1", false),
    ])
  func isAddress(text: String, isOne: Bool) { #expect(LinkAddresses.isAddress(text) == isOne) }

  @Test("a shim begins with the address that its agent has found the controller at")
  func beginning() {
    let addresses = LinkAddresses(join: ["a:1", "b:2", "c:3"])
    #expect(addresses.beginning(with: "c:3").join == ["c:3", "a:1", "b:2"])
    #expect(addresses.beginning(with: nil) == addresses && addresses.beginning(with: "d:4") == addresses)
  }

  @Test("only loopback is spoken to without TLS")
  func loopback() {
    #expect(LinkAddresses(join: ["127.0.0.1:1", "localhost:2"]).isLoopback)
    #expect(!LinkAddresses(join: ["127.0.0.1:1", "127.head:2"]).isLoopback)
    #expect(LinkAddresses(join: [], addressFile: "/x").isLoopback)
  }
}
