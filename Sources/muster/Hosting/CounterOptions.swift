import ArgumentParser
import MusterAgent
import MusterDevices

/// Where the counters of a node's devices come from, where it is not what the agent finds itself.
struct CounterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A dcgm-exporter of this node, e.g. http://127.0.0.1:9400/metrics; asked where NVML has no profiling counters.",
      valueName: "url"))
  var dcgmExporter: String?

  @Option(
    help: ArgumentHelp(
      "Play a recording (see `muster gpu`) as the counters of every device, again and again: for trying out.",
      valueName: "file"), completion: .file())
  var deviceRecording: String?

  func validate() throws {
    if let dcgmExporter, ExporterAddress(url: dcgmExporter) == nil {
      throw ValidationError(
        "--dcgm-exporter is \"\(dcgmExporter)\": http://HOST[:PORT][/PATH], e.g. http://127.0.0.1:9400/metrics")
    }
    guard deviceRecording != "-" else {
      throw ValidationError("--device-recording is \"-\": a file, which an agent that is started again reads again")
    }
    guard dcgmExporter == nil || deviceRecording == nil else {
      throw ValidationError("--dcgm-exporter or --device-recording, not both")
    }
  }

  /// Reads the recording.
  func read() throws -> DeviceCounters {
    DeviceCounters(
      exporter: dcgmExporter.flatMap(ExporterAddress.init(url:)),
      recording: try deviceRecording.map(RecordingOptions.read))
  }

  /// The same for agents that are started by this process, which may have another working folder.
  var arguments: [String] {
    (dcgmExporter.map { ["--dcgm-exporter", $0] } ?? [])
      + (deviceRecording.map { ["--device-recording", Paths.absolute($0)] } ?? [])
  }
}
