import MusterClient
import MusterTestKit
import Testing

@Suite struct EndpointTests {
  @Test(
    "addresses as people write them",
    arguments: [
      ("http://127.0.0.1:7700", "127.0.0.1", 7700), ("http://localhost:80/", "localhost", 80),
      ("127.8.9.1:7700", "127.8.9.1", 7700),
      ("http://[::1]:7700", "::1", 7700),
    ] as [(String, String, UInt16)])
  func addresses(text: String, host: String, port: UInt16) throws {
    let endpoint = try Endpoint.parse(text, token: "t", place: "x")
    #expect(endpoint == Endpoint(host: host, port: port, token: "t"))
  }

  @Test(
    "what is no address is a usage error",
    arguments: ["http://head", "head:0", "head:99999", ":80", "http://a/b:80", ""])
  func noAddresses(text: String) {
    #expect(throws: ClientError.badAddress(text, place: "x")) { try Endpoint.parse(text, token: "t", place: "x") }
  }

  @Test(
    "nothing is sent in the clear beyond loopback",
    arguments: ["http://head:80", "http://127.head:80", "http://10.0.0.1:1"])
  func inTheClear(text: String) {
    #expect(throws: ClientError.inTheClear(text, place: "x")) { try Endpoint.parse(text, token: "t", place: "x") }
  }

  @Test("without a scheme it is TLS, but on loopback")
  func noScheme() {
    #expect(throws: ClientError.noAuthority(address: "head:7700", file: "")) {
      try Endpoint.parse("head:7700", token: "t", place: "x")
    }
  }

  @Test("https needs the certificate of the controller's authority, and says where it was looked for")
  func tls() throws {
    let folder = try TestFolder()
    let file = folder.path + "/ca.pem"
    #expect(throws: ClientError.noAuthority(address: "https://head:1", file: file)) {
      try Endpoint.parse("https://head:1", token: "t", authorityFile: file, place: "x")
    }
    try folder.write("https://head:1\n", to: "address")
    try folder.write("t\n", to: "token")
    try folder.write("PEM", to: "ca.pem")
    let endpoint = Endpoint(host: "head", port: 1, token: "t", security: .tls(authorityPEM: "PEM"))
    #expect(try EndpointSource(environment: ["MUSTER_DATA": folder.path]).read() == endpoint)
    let direct = ["MUSTER_ADDR": "https://head:1", "MUSTER_TOKEN": "t", "MUSTER_CA": file]
    #expect(try EndpointSource(environment: direct).read() == endpoint)
  }

  @Test("the folder's files say where; --data goes before the environment, the environment before MUSTER_DATA")
  func order() throws {
    let a = try TestFolder()
    try a.write("http://127.0.0.1:1\n", to: "address")
    try a.write("ta\n", to: "token")
    let b = try TestFolder()
    try b.write("http://127.0.0.2:2\n", to: "address")
    try b.write("tb", to: "token")
    let direct = ["MUSTER_ADDR": "http://127.0.0.3:3", "MUSTER_TOKEN": "tc", "MUSTER_DATA": b.path]
    #expect(
      try EndpointSource(folder: a.path, environment: direct).read()
        == Endpoint(host: "127.0.0.1", port: 1, token: "ta"))
    #expect(try EndpointSource(environment: direct).read() == Endpoint(host: "127.0.0.3", port: 3, token: "tc"))
    #expect(
      try EndpointSource(environment: ["MUSTER_DATA": b.path]).read()
        == Endpoint(host: "127.0.0.2", port: 2, token: "tb"))
    #expect(
      try EndpointSource(environment: ["MUSTER_DATA": b.path, "MUSTER_ADDR": "127.0.0.3:3"]).read()
        == Endpoint(host: "127.0.0.3", port: 3, token: "tb"))
    #expect(EndpointSource(environment: ["HOME": "/home/ada"]).dataFolder == "/home/ada/.local/share/muster")
  }

  @Test("no controller and no token are told apart")
  func missing() throws {
    let folder = try TestFolder()
    let source = EndpointSource(folder: folder.path, environment: [:])
    #expect(throws: ClientError.noController(folder: folder.path)) { try source.read() }
    try folder.write("http://127.0.0.1:1\n", to: "address")
    #expect(throws: ClientError.noToken(place: folder.path + "/token")) { try source.read() }
    try folder.write("\n", to: "token")
    #expect(throws: ClientError.noToken(place: folder.path + "/token")) { try source.read() }
  }
}
