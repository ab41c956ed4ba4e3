import Glibc
import MusterTLS

/// The controller's authority in its data folder: made at the first start with TLS, then kept.
enum TLSSetup {
  static func open(folder: String, host: String, nodeLifetime: Int64) throws -> ControllerTLS {
    let authority = try authority(in: folder)
    try PEMFile.write(folder + "/ca.pem", authority.certificatePEM, mode: 0o644)
    return try ControllerTLS(authority: authority, names: names(host), nodeLifetime: nodeLifetime)
  }

  private static func authority(in folder: String) throws -> Authority {
    let (key, certificate) = (folder + "/ca/key.pem", folder + "/ca/certificate.pem")
    if let keyPEM = try PEMFile.read(key), let certificatePEM = try PEMFile.read(certificate) {
      return try Authority(keyPEM: keyPEM, certificatePEM: certificatePEM)
    }
    for path in [folder, folder + "/ca"] where mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw PEMFile.Failure(path: path, code: errno)
    }
    // One file without the other is no authority; nodes that trusted a lost one have to join again.
    let made = try Authority(now: WallClock.seconds)
    try PEMFile.write(key, try made.keyPEM(), mode: 0o600)
    try PEMFile.write(certificate, made.certificatePEM, mode: 0o644)
    return made
  }

  /// What browsers and curl may know the controller by; nodes and `muster` itself ask for the name that only it has.
  static func names(_ host: String) -> [String] {
    var names = ["localhost", "127.0.0.1", "::1"]
    func add(_ name: String) { if !name.isEmpty, !names.contains(name) { names.append(name) } }
    if isWildcard(host) {
      for address in HostAddresses.of() { add(address) }
      var name = [CChar](repeating: 0, count: 256)
      if gethostname(&name, name.count - 1) == 0 {
        add(String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
    } else {
      add(host)
    }
    return names
  }

  static func isWildcard(_ host: String) -> Bool { host == "0.0.0.0" || host == "::" }
}
