import NIOCore

/// Addresses that other hosts may reach this one at.
public enum HostAddresses {
  /// Of one interface by its name, or of all that are up: IPv4 first, without those of one link alone. Empty if there is
  /// no such interface.
  public static func of(interface: String? = nil) -> [String] {
    // Interfaces that cannot be listed are none: the caller goes on with what it was told.
    let devices = ((try? System.enumerateDevices()) ?? []).filter { interface == nil || $0.name == interface }
    let addresses = devices.compactMap(\.address).filter { !$0.isOfOneLink }
    let texts = [NIOBSDSocket.ProtocolFamily.inet, .inet6].flatMap { family in
      addresses.filter { $0.protocol == family }.compactMap(\.ipAddress)
    }
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }
}

extension SocketAddress {
  /// fe80::/10 (RFC 4291, 2.5.6).
  fileprivate var isOfOneLink: Bool {
    self.protocol == .inet6 && ["fe8", "fe9", "fea", "feb"].contains(ipAddress?.prefix(3) ?? "")
  }
}
