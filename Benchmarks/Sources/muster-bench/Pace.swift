import CLinux
import Glibc

/// A client of its own process that submits at a steady rate while something else is measured.
enum Pace {
  /// `pace PORT TOKEN-FILE RATE SECONDS`; prints what it achieved.
  static func run(_ words: [String]) throws {
    guard words.count == 5, let port = Int(words[1]), let token = readText(words[2]), let rate = Double(words[3]),
      let seconds = Double(words[4])
    else { throw Failure("pace PORT TOKEN-FILE RATE SECONDS") }
    _ = signal_at_parents_death(SIGKILL)
    let request = LoadClient.post(
      "/v1/jobs", token: String(token.prefix { $0 != "\n" }), body: Array(Submissions.job("train").utf8))
    let load = LoadClient(port: port, connections: 64, request: { _ in request }, rate: rate)
    let outcome = try load.run(seconds: seconds)
    print("\(Int(Double(outcome.acknowledged) / outcome.seconds)) \(outcome.refused)")
  }
}
