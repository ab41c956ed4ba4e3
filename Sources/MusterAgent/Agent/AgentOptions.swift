/// What an agent is started with.
public struct AgentOptions: Sendable {
  public var addresses: LinkAddresses
  public var token: String
  /// The node's name in the fleet.
  public var name: String
  /// Declared devices; nil: ask NVML.
  public var devices: Int32?
  /// The node's folder: run folders and logs.
  public var dataFolder: String
  /// Where the gang's other nodes reach this one.
  public var address: String
  /// With no controller for so long and nothing running the agent ends; nil: never.
  public var orphanTimeoutSeconds: Int64?
  /// The program that is started as the shim.
  public var executable: String

  public init(
    addresses: LinkAddresses, token: String, name: String, devices: Int32?, dataFolder: String,
    address: String = "127.0.0.1", orphanTimeoutSeconds: Int64? = nil, executable: String
  ) {
    self.addresses = addresses
    self.token = token
    self.name = name
    self.devices = devices
    self.dataFolder = dataFolder
    self.address = address
    self.orphanTimeoutSeconds = orphanTimeoutSeconds
    self.executable = executable
  }
}
