import MusterProtocol

/// Why a request to the controller has no good answer.
public enum ClientError: Error, Hashable, Sendable {
  /// The data folder has no `address` file.
  case noController(folder: String)
  case noToken(place: String)
  case badAddress(String, place: String)
  /// Without TLS beyond loopback: the token would be there for all to read.
  case inTheClear(String, place: String)
  /// No certificate to know the controller by.
  case noAuthority(address: String, file: String)
  /// TLS did not come about: who answers is not the one that was meant, or speaks no TLS.
  case untrusted(address: String, reason: String)
  /// `reason` is the system's.
  case unreachable(address: String, reason: String)
  case noAnswer(address: String, seconds: Int)
  /// The connection ended in the middle of an answer.
  case cutOff(address: String)
  /// What answered does not speak our protocol.
  case notMuster(address: String, reason: String)
  case refused(APIError)

  public var exitStatus: CommandStatus {
    switch self {
    case .noController, .unreachable, .noAnswer, .cutOff, .notMuster: .unreachable
    case .noToken, .untrusted: .refused
    case .badAddress, .inTheClear, .noAuthority: .usage
    case .refused(let error): error.exitStatus
    }
  }

  /// For programs; never changed once released. Of a refusal the controller's own.
  public var code: String {
    switch self {
    case .noController: "noController"
    case .noToken: "noToken"
    case .badAddress: "badAddress"
    case .inTheClear: "inTheClear"
    case .noAuthority: "noAuthority"
    case .untrusted: "untrusted"
    case .unreachable: "unreachable"
    case .noAnswer: "noAnswer"
    case .cutOff: "cutOff"
    case .notMuster: "notMuster"
    case .refused(let error): error.code
    }
  }

  /// One line.
  public var message: String {
    switch self {
    case .noController(let folder): "no controller has written its address in \(folder)"
    case .noToken(let place): "no token in \(place)"
    case .badAddress(let address, let place): "\(place) is not an address: \(address)"
    case .inTheClear(let address, let place):
      "\(place) is \(address): without TLS the token would cross the network in the clear; nothing was sent"
    case .noAuthority(let address, let file):
      "\(address) needs the certificate of the controller's authority; there is none at \(file)"
    case .untrusted(let address, let reason): "the controller at \(address) is not trusted: \(reason)"
    case .unreachable(let address, let reason): "the controller at \(address) cannot be reached: \(reason)"
    case .noAnswer(let address, let seconds): "the controller at \(address) did not answer within \(seconds) s"
    case .cutOff(let address): "the controller at \(address) ended the connection in the middle of its answer"
    case .notMuster(let address, let reason): "what answers at \(address) is no Muster controller: \(reason)"
    case .refused(let error): error.message
    }
  }

  /// What to do about it.
  public var remedy: String {
    switch self {
    case .noController:
      "start one with `muster up`, or name its folder with --data DIR or MUSTER_DATA, or set MUSTER_ADDR and MUSTER_TOKEN"
    case .noToken: "set MUSTER_TOKEN to the content of the `token` file in the controller's data folder"
    case .inTheClear: "write it as https://HOST:PORT; `muster login` fetches what that needs"
    case .badAddress: "write it as https://HOST:PORT, or http://HOST:PORT on loopback"
    case .noAuthority: "`muster login ADDR` fetches it, or set MUSTER_CA to a copy of the controller's DIR/ca.pem"
    case .untrusted: "check the address, and that MUSTER_CA (or ca.pem in the data folder) is this controller's"
    case .unreachable, .cutOff: "is it running? start it with `muster up` or `muster server`, then try again"
    case .noAnswer: "it may be busy or stopped: try again, and look at its log"
    case .notMuster: "check the address and the port"
    case .refused(let error): error.remedy
    }
  }

  /// Whether a command that outlives a controller's restart tries again.
  public var passes: Bool {
    switch self {
    case .noController, .noToken, .unreachable, .noAnswer, .cutOff, .notMuster: true
    case .badAddress, .inTheClear, .noAuthority, .untrusted: false
    case .refused(let error): error.status == 503 || error.status == 429
    }
  }
}

/// The controller's own word on why not.
public struct APIError: Error, Hashable, Sendable {
  /// Where a job is wrong; the text is the controller's.
  public struct Problem: Hashable, Sendable {
    public var line: Int?
    public var field: String
    public var value: String
    public var allowed: String
  }

  /// HTTP's.
  public var status: Int
  /// Stable, e.g. `notFound`; `unknown` where the answer had none.
  public var code: String
  public var message: String
  public var remedy: String
  public var problems: [Problem]

  public init(status: Int, code: String, message: String, remedy: String = "", problems: [Problem] = []) {
    self.status = status
    self.code = code
    self.message = message
    self.remedy = remedy
    self.problems = problems
  }

  /// Reads `{"error":{...}}`. An answer of another shape gives what the status alone says.
  public init(status: Int, body: [UInt8]) {
    // Not JSON: a proxy's page, say. The status is all there is then.
    let json = (try? JSON.parse(body)) ?? .null
    let error = json["error"] ?? .null
    self.init(
      status: status, code: error["code"]?.stringValue ?? "unknown",
      message: error["message"]?.stringValue ?? "the controller answered with status \(status)",
      remedy: error["remedy"]?.stringValue ?? "",
      problems: (error["problems"]?.arrayValue ?? []).map { problem in
        Problem(
          line: problem["line"]?.intValue.map { Int($0) }, field: problem["field"]?.stringValue ?? "",
          value: problem["value"]?.stringValue ?? "", allowed: problem["allowed"]?.stringValue ?? "")
      })
  }

  public var exitStatus: CommandStatus {
    switch status {
    case 400, 422: .usage
    case 404: .notFound
    case 503: code == "diskFull" ? .refused : .unreachable
    case 401, 403, 405...499: .refused
    default: .failed
    }
  }
}
