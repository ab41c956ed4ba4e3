/// Published failure rates. None of the sources says how long a node was out: that is the part that is borrowed.
extension FaultModel {
  public static let presets: [FaultModel] = [llama3, rsc1, rsc2]

  public static func preset(_ name: String) -> FaultModel? { presets.first { $0.name == name } }

  /// Eleven quantiles from 0 to 100 %: median 20.4 h, 90th percentile 312 h and mean 133 h are published for the 349 days
  /// of the InfiniteHBD fault trace (github.com/stepfun-ai/InfiniteHBD-Trace); those below the median are counted in its
  /// first 175 days; the longest is what gives the mean.
  static let infiniteHBDRepair: [Int64] =
    [10, 15, 90, 240, 720, 1_224, 2_400, 4_320, 9_000, 18_720, 86_100].map { $0 * 60_000 }

  /// Meta's Llama 3 405B, 16,384 H100 on 2,048 nodes for 54 days: 419 unexpected interruptions by cause (arXiv
  /// 2407.21783, table 5). Per GPU or node-day of that run; what is not said to be of a GPU counts per node.
  static let llama3 = FaultModel(
    name: "llama3", source: "arXiv 2407.21783, table 5; repair times: InfiniteHBD-Trace",
    kinds: [
      gpu("faulty GPU", 148), gpu("GPU HBM3 memory", 72), node("software bug", 54, takesOut: false),
      node("network switch or cable", 35), node("host maintenance", 32), gpu("GPU SRAM memory", 19),
      gpu("GPU system processor", 17), node("NIC", 7), node("NCCL watchdog timeouts", 7, takesOut: false),
      gpu("silent data corruption", 6), gpu("GPU thermal interface or sensor", 6), node("SSD", 3),
      node("power supply", 3), node("server chassis", 2), node("IO expansion board", 2),
      node("dependency", 2, takesOut: false), node("CPU", 2), node("system memory", 2),
    ])

  /// Meta's research clusters, A100: failures per 1,000 node-days (arXiv 2410.21680). Causes and lemons are not modelled.
  static let rsc1 = rsc("rsc1", perHundredThousandNodeDays: 650)
  static let rsc2 = rsc("rsc2", perHundredThousandNodeDays: 234)

  private static func rsc(_ name: String, perHundredThousandNodeDays count: Int64) -> FaultModel {
    FaultModel(
      name: name, source: "arXiv 2410.21680; repair times: InfiniteHBD-Trace",
      kinds: [Kind(cause: "node", scope: .node, count: count, days: 100_000, repair: infiniteHBDRepair)])
  }

  private static func gpu(_ cause: String, _ count: Int64) -> Kind {
    Kind(cause: cause, scope: .device, count: count, days: 16_384 * 54, repair: infiniteHBDRepair)
  }

  private static func node(_ cause: String, _ count: Int64, takesOut: Bool = true) -> Kind {
    Kind(
      cause: cause, scope: .node, count: count, days: 2_048 * 54, takesOut: takesOut,
      repair: takesOut ? infiniteHBDRepair : [])
  }
}
