import ArgumentParser
import MusterClient
import MusterProtocol

enum TopOrder: String, ExpressibleByArgument, CaseIterable {
  case gpus, lost, time
}

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch the fleet and its jobs, as top and htop do.",
    discussion: """
      Keys: q quits, g l t order by GPUs, lost GPU time, running time; m takes another stretch of time (15 min, 1 h, 1 d); \
      arrows move. Where standard output is no terminal, one frame is printed.

      BUSY is of the last minute or two, from the devices' counters; MFU is from them since the job began, DECLARED from the \
      model that it declares and its steps. - where nobody measures, or declares.
      """)

  @Option(help: "Jobs first by gpus (most), lost (GPU time that was not productive) or time (running).")
  var order: TopOrder = .gpus

  @Option(help: "Of so many minutes GPU time is told, 1 to 10080.")
  var minutes = 15

  @Option(help: "Jobs, 1 to 500, of one frame.")
  var limit = 50

  @Option(help: ArgumentHelp("Time between two frames.", valueName: "time"))
  var interval = WaitingTime(seconds: 2)

  @Option(help: ArgumentHelp("Only jobs of this project, and what became of their time.", valueName: "name"))
  var project: String?

  @Flag(help: "Print one frame and end.")
  var once = false

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard (1...10_080).contains(minutes) else {
      throw ValidationError("--minutes is \(minutes): a whole number from 1 to 10080")
    }
    guard (1...500).contains(limit) else {
      throw ValidationError("--limit is \(limit): a whole number from 1 to 500")
    }
    guard (0.5...3600).contains(interval.seconds) else {
      throw ValidationError("--interval is \(interval.seconds) s: from 0.5s to 1h")
    }
  }

  func run() throws {
    let client = connection.client()
    if connection.json || once || !Terminal.outIsTerminal {
      let frame = try client.get(Self.path(order: order, minutes: minutes, limit: limit, project: project))
      return connection.show(frame) { TopText.frame(frame, history: [], size: nil, scrolled: 0, $0) }
    }
    var session = TopSession(
      client: client, order: order, minutes: minutes, project: project, seconds: interval.seconds)
    try session.run()
  }

  static func path(order: TopOrder, minutes: Int, limit: Int, project: String?) -> String {
    "/v1/top?order=\(order.rawValue)&minutes=\(minutes)&limit=\(limit)"
      + (project.map { "&project=\(HTTPRequest.escaped($0))" } ?? "")
  }
}
