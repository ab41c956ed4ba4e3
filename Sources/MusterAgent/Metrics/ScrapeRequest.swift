import MusterMetrics
import MusterProtocol

/// One request of Prometheus as it comes in, byte by byte. A value without a socket: the listener reads and writes.
struct ScrapeRequest: Sendable {
  /// Prometheus sends some 300 bytes.
  static let headLimit = 8 << 10

  enum Outcome: Hashable, Sendable {
    /// The head is not whole yet.
    case unfinished
    case metrics(ExpositionFormat)
    case refused(Refusal)
  }

  enum Refusal: Hashable, Sendable, CaseIterable {
    case malformed, tooLarge, unauthorized, notFound, wrongMethod

    var status: String {
      switch self {
      case .malformed: "400 Bad Request"
      case .tooLarge: "431 Request Header Fields Too Large"
      case .unauthorized: "401 Unauthorized"
      case .notFound: "404 Not Found"
      case .wrongMethod: "405 Method Not Allowed"
      }
    }

    var header: String {
      switch self {
      case .unauthorized: "WWW-Authenticate: Bearer\r\n"
      case .wrongMethod: "Allow: GET\r\n"
      case .malformed, .tooLarge, .notFound: ""
      }
    }

    var message: String {
      switch self {
      case .malformed: "this is no HTTP request: GET /metrics is what is answered here"
      case .tooLarge: "the request's head is over \(ScrapeRequest.headLimit >> 10) KiB: send fewer headers"
      case .unauthorized:
        "this needs `Authorization: Bearer TOKEN`; the agent wrote the token to metrics-token in its folder"
      case .notFound: "there is only /metrics here"
      case .wrongMethod: "/metrics takes GET"
      }
    }
  }

  private let token: [UInt8]
  private var head: [UInt8] = []

  init(token: [UInt8]) { self.token = token }

  mutating func heard(_ bytes: some Sequence<UInt8>) -> Outcome {
    for byte in bytes {
      head.append(byte)
      if isWhole { return decide() }
      if head.count >= Self.headLimit { return .refused(.tooLarge) }
    }
    return .unfinished
  }

  /// Ends in an empty line.
  private var isWhole: Bool {
    head.last == 10 && (head.suffix(4).elementsEqual([13, 10, 13, 10]) || head.suffix(2).elementsEqual([10, 10]))
  }

  private func decide() -> Outcome {
    let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
    let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/") else { return .refused(.malformed) }
    var accepts: [String] = []
    var shown: [UInt8]?
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return .refused(.malformed) }
      let value = Self.trimmed(line[line.index(after: colon)...])
      switch line[..<colon].lowercased() {
      case "accept": accepts.append(value)
      case "authorization" where value.prefix(7).lowercased() == "bearer ":
        shown = Array(Self.trimmed(value.dropFirst(7)).utf8)
      default: break  // nothing here depends on it
      }
    }
    guard let shown, Secret.matches(shown, token) else { return .refused(.unauthorized) }
    guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else { return .refused(.notFound) }
    guard words[0] == "GET" else { return .refused(.wrongMethod) }
    return .metrics(ExpositionFormat(accept: accepts.joined(separator: ",")))
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }

  static func response(status: String, contentType: String, header: String = "", _ body: [UInt8]) -> [UInt8] {
    let head =
      "HTTP/1.1 \(status)\r\nContent-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
      + "\(header)Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    return Array(head.utf8) + body
  }
}

extension ScrapeRequest.Refusal {
  var response: [UInt8] {
    ScrapeRequest.response(
      status: status, contentType: "text/plain; charset=utf-8", header: header, Array("\(message)\n".utf8))
  }
}
