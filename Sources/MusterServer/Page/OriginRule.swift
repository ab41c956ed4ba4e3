/// Which requests of a browser are its own page's. The cookie alone does not say: another site can make a browser send
/// requests, and a name that somebody else owns can be made to lead here (DNS rebinding).
struct OriginRule: Sendable {
  /// In lower case, without ports.
  private let hosts: Set<String>

  /// - Parameter hosts: names and addresses that the server is reached by.
  init(hosts: [String]) { self.hosts = Set(hosts.map { $0.lowercased() }) }

  enum Objection: Equatable {
    /// `Host` is a name that this server does not know as its own.
    case unknownHost(String)
    /// Another page sent it.
    case otherOrigin(String)
  }

  /// - Parameters:
  ///   - host: the header `Host`, with its port.
  ///   - origin: the header `Origin`; nil: the browser sent none.
  func objection(host: String, origin: String?) -> Objection? {
    guard hosts.contains(Self.name(host)) else { return .unknownHost(host) }
    guard let origin else { return nil }
    let isSame = ["http://", "https://"].contains { $0 + host.lowercased() == origin.lowercased() }
    return isSame ? nil : .otherOrigin(origin)
  }

  /// `[::1]:7070` is `::1`, `head:7070` is `head`.
  static func name(_ host: String) -> String {
    let lower = host.lowercased()
    if lower.hasPrefix("["), let end = lower.firstIndex(of: "]") {
      return String(lower[lower.index(after: lower.startIndex)..<end])
    }
    return String(lower.prefix { $0 != ":" })
  }
}
