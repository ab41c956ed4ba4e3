/// What this program is, and what it speaks.
enum Version {
  static let current = "0.1.0"
  static let protocolNumber: Int64 = 1
}
