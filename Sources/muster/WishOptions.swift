import ArgumentParser
import MusterProtocol

/// What a job asks of its place and its time, as Slurm's users know it.
struct WishOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Nodes of each chunk that lies in one rack or scale-up domain.", valueName: "nodes"))
  var segment: Int64?

  @Option(help: ArgumentHelp("All nodes in one domain of this level, e.g. rack.", valueName: "level"))
  var within: String?

  @Option(name: .customLong("device-type"), help: ArgumentHelp("Device types, best first.", valueName: "type,..."))
  var deviceTypes: String?

  @Option(
    help: ArgumentHelp("One job for each index: 0-15, 1,3,7, 0-15:4; 0-99%8 runs 8 at once.", valueName: "indices"))
  var array: String?

  @Option(
    name: .customLong("dependency"),
    help: ArgumentHelp(
      "Start only when: after:7, afterok:41:42_3, afterany, afternotok, singleton.", valueName: "kind:job,...")
  )
  var dependency: String?

  @Flag(help: "Wait for `muster release`.")
  var hold = false

  @Option(help: ArgumentHelp("Not before: 2026-12-01T08:00:00Z or now+2h.", valueName: "time"))
  var begin: String?

  @Flag(help: "Whole nodes, shared with no other job.")
  var exclusive = false

  @Option(help: ArgumentHelp("Rules about labels: ib=hdr&!old&zone!=b.", valueName: "rules"))
  var constraint: String?

  @Option(help: ArgumentHelp("Not on these nodes: node-3,node-[7-9].", valueName: "nodes"))
  var exclude: String?

  /// As fields of a job file.
  func fields() -> [JSON.Member] {
    var fields: [JSON.Member] = []
    if let segment { fields.append(.init(name: "segment", value: .int(segment))) }
    for (name, value) in [
      ("within", within), ("deviceTypes", deviceTypes), ("array", array), ("begin", begin), ("constraint", constraint),
      ("exclude", exclude), ("dependsOn", dependency),
    ] {
      if let value { fields.append(.init(name: name, value: .string(value))) }
    }
    if hold { fields.append(.init(name: "hold", value: true)) }
    if exclusive { fields.append(.init(name: "exclusive", value: true)) }
    return fields
  }
}
