import ArgumentParser
import MusterCore
import MusterProtocol

/// What is said of a node beside what it finds out itself.
struct NodeOptions: ParsableArguments {
  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("A label, e.g. rack=r17 or ib=hdr; may be repeated, 32 at most.", valueName: "key=value"))
  var labels: [String] = []

  @Option(help: ArgumentHelp("Type of the devices, e.g. H100; default: what NVML says.", valueName: "type"))
  var deviceType: String?

  /// Sorted by key.
  func parsedLabels() throws -> [Label] {
    guard labels.count <= LabelText.most else {
      throw ValidationError("--label is given \(labels.count) times: \(LabelText.most) at most")
    }
    var parsed: [Label] = []
    for text in labels {
      guard let label = LabelText.label(text) else {
        throw ValidationError(
          "--label is \"\(text)\": KEY=VALUE; keys of 1 to 63 letters, digits, \".\", \"_\", \"-\" or \"/\", values of up to 63, also with \":\" and \"+\""
        )
      }
      guard !parsed.contains(where: { $0.key == label.key }) else {
        throw ValidationError("--label has \(label.key) twice")
      }
      parsed.append(label)
    }
    return parsed.sorted { $0.key < $1.key }
  }

  func validate() throws {
    _ = try parsedLabels()
    if let deviceType, !JobFile.isDeviceType(deviceType) {
      throw ValidationError("--device-type is \"\(deviceType)\": 1 to 64 characters with no comma")
    }
  }
}
