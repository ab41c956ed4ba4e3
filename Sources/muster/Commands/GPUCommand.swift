import ArgumentParser
import Glibc
import MusterClient
import MusterDevices
import MusterProtocol

struct GPUCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gpu", abstract: "What a GPU does, from a recording of its own counters.",
    discussion: """
      FILE is CSV with a header, a row a sample, packed by gzip or not; `-` is standard input. Columns, states and \
      bounds: docs/devices.md. Needs no controller.
      """,
    subcommands: [Replay.self, MFU.self])

  struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "replay", abstract: "Tell idle, starting, working, starved, bound and hung apart, with evidence.",
      discussion: "Knows at each moment only what came before, as for a live device.")

    @OptionGroup var recording: RecordingOptions

    @Option(help: "\(PartName.help) Default: floor and power limit as the recording shows.")
    var device: PartName?

    func run() throws {
      let timeline = DeviceTimeline(try recording.read().samples, part: device?.part)
      Terminal.out(
        recording.json
          ? GPUJSON.segments(timeline).text + "\n"
          : GPUText.timeline(timeline, Terminal.outStyle))
    }
  }

  struct MFU: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "mfu", abstract: "FLOP/s and MFU of each stretch of time, from counters alone.",
      discussion: "mfu is a part of the dense peak, 0 to 1. It counts padding, and does not see the precision.")

    @OptionGroup var recording: RecordingOptions

    @Option(help: "\(PartName.help)")
    var device: CountedPartName

    func validate() throws {
      guard CounterMFU.basis(device.part) == nil else { return }
      throw ValidationError(
        "--device is \(device.part.name): its SMs and clock are not published (allowed: "
          + CountedPartName.allValueStrings.joined(separator: ", ") + ")")
    }

    func run() throws {
      let timeline = DeviceTimeline(try recording.read().samples, part: device.part)
      Terminal.out(
        recording.json
          ? GPUJSON.mfu(timeline, part: device.part).text + "\n"
          : GPUText.mfu(timeline, part: device.part, Terminal.outStyle))
    }
  }
}

/// A recording and how its answer is written.
struct RecordingOptions: ParsableArguments {
  @Argument(help: "A recording, CSV or CSV packed by gzip.", completion: .file())
  var file: String

  @Flag(help: "Print JSON.")
  var json = false

  /// Bytes on disk: some 3 million samples. What is longer is not one device's recording.
  static let longest = 536_870_912

  func read() throws -> Recording { try Self.read(file) }

  static func read(_ file: String) throws -> Recording {
    if file != "-", access(file, F_OK) != 0 { throw CommandFailure.noRecording(file) }
    guard let bytes = FileBytes.read(file, limit: longest + 1) else { throw CommandFailure.unreadableFile(file) }
    guard bytes.count <= longest else { throw CommandFailure.wrongRecording(file: file, .tooLong(longest)) }
    do throws(RecordingProblem) {
      return try Recording(file: bytes)
    } catch {
      throw CommandFailure.wrongRecording(file: file, error)
    }
  }
}

/// A part as `PartName`, of which counters tell MFU; others are taken, too, to say why they do not.
struct CountedPartName: ExpressibleByArgument {
  var part: DevicePart

  init?(argument: String) {
    guard let name = PartName(argument: argument) else { return nil }
    part = name.part
  }

  static var allValueStrings: [String] { DevicePart.all.filter { CounterMFU.basis($0) != nil }.map(\.name) }
}

/// A part by a name that the table has.
struct PartName: ExpressibleByArgument {
  var part: DevicePart

  init?(argument: String) {
    guard let part = DevicePart.named(argument) else { return nil }
    self.part = part
  }

  static var allValueStrings: [String] { DevicePart.all.map(\.name) }
  static let help = "What recorded: one of these, or NVML's name for it, e.g. \"NVIDIA H100 80GB HBM3\"."
}
