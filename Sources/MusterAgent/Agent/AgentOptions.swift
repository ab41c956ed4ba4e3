public import MusterCore

/// What an agent is started with.
public struct AgentOptions: Sendable {
  public var addresses: LinkAddresses
  public var credentials: LinkCredentials
  /// Lets this machine in where it has no certificate yet, or an expired one; nil: none was given.
  public var joinToken: String?
  /// The node's name in the fleet.
  public var name: String
  /// Declared devices; nil: ask NVML.
  public var devices: Int32?
  /// Declared type of the devices; nil: as NVML calls them.
  public var deviceType: String?
  /// Where the devices' counters come from.
  public var counters = DeviceCounters()
  /// What is said of the node beside; sorted by key.
  public var labels: [Label] = []
  /// The node's folder: run folders and logs.
  public var dataFolder: String
  /// Where the gang's other nodes reach this one: an address or an interface; nil: its address on the way to the
  /// controller.
  public var address: String?
  /// For tests of reboots alone; nil: the kernel's.
  public var bootID: String?
  /// With no controller for so long and nothing running the agent ends; nil: never.
  public var orphanTimeoutSeconds: Int64?
  /// nil: no metrics are served.
  public var metrics: MetricsOptions?
  /// This program's, for metrics.
  public var version = ""
  /// The program that is started as the shim.
  public var executable: String

  public init(
    addresses: LinkAddresses, credentials: LinkCredentials, joinToken: String? = nil, name: String, devices: Int32?,
    dataFolder: String, address: String? = nil, bootID: String? = nil, orphanTimeoutSeconds: Int64? = nil,
    executable: String
  ) {
    self.addresses = addresses
    self.credentials = credentials
    self.joinToken = joinToken
    self.bootID = bootID
    self.name = name
    self.devices = devices
    self.dataFolder = dataFolder
    self.address = address
    self.orphanTimeoutSeconds = orphanTimeoutSeconds
    self.executable = executable
  }
}
