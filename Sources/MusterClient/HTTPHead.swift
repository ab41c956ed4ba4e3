/// A request: what is asked, with what.
public struct HTTPRequest: Hashable, Sendable {
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
  }
  public var method: Method
  /// With its query, e.g. `/v1/jobs?limit=500`.
  public var target: String
  public var headers: [HTTPHeader]
  public var body: [UInt8]

  public init(_ method: Method, _ target: String, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }

  /// Whether asking twice does no more than asking once.
  var isRepeatable: Bool { method == .get || headers.contains { $0.name == "Idempotency-Key" } }

  func bytes(for endpoint: Endpoint) -> [UInt8] {
    var text = "\(method.rawValue) \(target) HTTP/1.1\r\nHost: \(endpoint.address)\r\n"
    text += "Authorization: Bearer \(endpoint.token)\r\n"
    if method == .post || method == .put {
      text += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
    }
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    return Array((text + "\r\n").utf8) + body
  }

  /// A text made safe for a place in a path or a query.
  public static func escaped(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }
}

public struct HTTPHeader: Hashable, Sendable {
  public var name: String
  public var value: String
  /// Line ends in a value would start another header: they are cut out.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = String(String.UnicodeScalarView(value.unicodeScalars.filter { $0.value >= 0x20 }))
  }
}

/// The first part of an answer.
struct HTTPResponseHead: Hashable {
  var status: Int
  /// Names in lower case.
  var headers: [HTTPHeader]

  subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

  var keepsConnection: Bool { self["connection"]?.lowercased() != "close" }

  /// How the body behind this head is framed.
  func body() throws(HTTPBody.Malformed) -> HTTPBody {
    if status == 204 || status == 304 { return .length(0) }
    if let encoding = self["transfer-encoding"] {
      guard encoding.lowercased() == "chunked" else { throw .init(reason: "transfer encoding \(encoding)") }
      return .chunked
    }
    guard let text = self["content-length"] else { return .untilClose }
    guard let length = Int(text), length >= 0 else { throw .init(reason: "content length \(text)") }
    return .length(length)
  }

  /// Reads a whole head, without the empty line that ends it.
  static func parse(_ bytes: ArraySlice<UInt8>) throws(HTTPBody.Malformed) -> HTTPResponseHead {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
      .map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
    let first = lines.first.map { $0.split(separator: " ", maxSplits: 2) } ?? []
    guard first.count >= 2, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]), (100...599).contains(status)
    else { throw .init(reason: "its answer is not HTTP") }
    var headers: [HTTPHeader] = []
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw .init(reason: "a header without a colon") }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers.append(HTTPHeader(line[..<colon].lowercased(), String(value)))
    }
    return HTTPResponseHead(status: status, headers: headers)
  }
}
