import MusterCore
import MusterProtocol

/// What a shim is told over its standard input when it starts: never by arguments or environment, which others can read.
struct ShimInput: Hashable, Sendable {
  var launch: MemberLaunch
  var credentials: LinkCredentials
  var addresses: LinkAddresses
  var node: String
  var machine: String
  var boot: String
  var runFolder: String
  var logFolder: String
  /// Where the gang's other nodes reach this one.
  var address: String
  var user: String
  var home: String

  var json: JSON {
    [
      "launch": launch.json, "token": .string(token), "identity": .string(identityFolder),
      "join": .array(addresses.join.map { .string($0) }),
      "addressFile": .string(addresses.addressFile), "node": .string(node), "machine": .string(machine),
      "boot": .string(boot), "runFolder": .string(runFolder), "logFolder": .string(logFolder),
      "address": .string(address), "user": .string(user), "home": .string(home),
    ]
  }

  private var token: String { if case .token(let token) = credentials { token } else { "" } }
  private var identityFolder: String { if case .identity(let folder) = credentials { folder } else { "" } }

  init(
    launch: MemberLaunch, credentials: LinkCredentials, addresses: LinkAddresses, node: String, machine: String,
    boot: String,
    runFolder: String, logFolder: String, address: String, user: String, home: String
  ) {
    self.launch = launch
    self.credentials = credentials
    self.addresses = addresses
    self.node = node
    self.machine = machine
    self.boot = boot
    self.runFolder = runFolder
    self.logFolder = logFolder
    self.address = address
    self.user = user
    self.home = home
  }

  init(json: JSON) throws(LinkError) {
    func text(_ name: String) throws(LinkError) -> String {
      guard let text = json[name]?.stringValue else { throw LinkError(field: name) }
      return text
    }
    guard let launch = json["launch"] else { throw LinkError(field: "launch") }
    let folder = try text("identity")
    self.init(
      launch: try MemberLaunch(json: launch),
      credentials: folder.isEmpty ? .token(try text("token")) : .identity(folder: folder),
      addresses: LinkAddresses(
        join: (json["join"]?.arrayValue ?? []).compactMap(\.stringValue), addressFile: try text("addressFile")),
      node: try text("node"), machine: try text("machine"), boot: try text("boot"), runFolder: try text("runFolder"),
      logFolder: try text("logFolder"), address: try text("address"), user: try text("user"), home: try text("home"))
  }
}
