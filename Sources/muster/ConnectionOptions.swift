import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

/// What every command that asks a controller takes.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The controller's data folder (default: MUSTER_DATA, else ~/.local/share/muster; or set MUSTER_ADDR and MUSTER_TOKEN).",
      valueName: "dir"),
    completion: .directory)
  var data: String?

  @Flag(help: "Print JSON.")
  var json = false

  var source: EndpointSource { EndpointSource(folder: data, environment: CallerContext.environment) }

  func client() -> Client { Client(source: source) }

  /// What time it is for the controller whose answer is shown, in Unix seconds: of a pretend fleet it runs ahead.
  static func now(_ client: Client) -> Double {
    client.controllerTime.flatMap(Timestamps.unixSeconds) ?? CallerContext.nowUnixSeconds
  }

  /// As `CallerContext.moment` and `pastMoment`, by the controller's clock where it counts from now: of a pretend fleet that one
  /// runs ahead, and a real one's may be another than the caller's.
  static func moment(_ text: String, isPast: Bool = true, _ client: Client) throws -> Instant? {
    let now = text.hasPrefix("now") ? try clock(client) : CallerContext.now
    return isPast ? CallerContext.pastMoment(text, now: now) : CallerContext.moment(text, now: now)
  }

  /// The moment that it is for the controller.
  static func clock(_ client: Client) throws -> Instant {
    try client.get("/v1/cluster")["now"]?.stringValue.flatMap(Moment.parse) ?? CallerContext.now
  }

  /// Prints an answer: as JSON if asked for, else as people read it.
  func show(_ answer: JSON, text: (Style) -> String) {
    Terminal.out(json ? answer.pretty + "\n" : text(Terminal.outStyle))
  }
}

/// `90s`, `1h30m`, or a bare number of seconds.
struct WaitingTime: ExpressibleByArgument, Hashable {
  var seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  /// For the help.
  var defaultValueDescription: String {
    let whole = Int(seconds)
    return whole > 0 && whole % 3600 == 0 ? "\(whole / 3600)h" : "\(whole)s"
  }

  init?(argument: String) {
    if let number = Double(argument), number >= 0, number.isFinite {
      seconds = number
    } else if let span = JobFile.span(argument) {
      seconds = span.seconds
    } else {
      return nil
    }
  }

  var deadline: Deadline { .after(milliseconds: Int64((min(seconds, 1e9) * 1000).rounded())) }
}
