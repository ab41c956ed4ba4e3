#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// This machine alone: what may be spoken to without TLS.
public enum Loopback {
  /// `localhost`, `::1` and 127.0.0.0/8. No other name counts, whatever it resolves to: that may change.
  public static func contains(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
  }
}
