import Testing

@testable import MusterMetrics

@Suite struct ExpositionTests {
  /// One family of each kind.
  static var sample: [MetricFamily] {
    var waits = Histogram(bounds: [0.01, 1])
    for seconds in [0.01, 0.5, 3] { waits.record(seconds) }
    return [
      MetricFamily(.info, "muster_build", "The version.", [.init(.integer(1), [.init("version", "0.1.0")])]),
      MetricFamily(.gauge, "muster_jobs", "Jobs by state.", by: "state", [("pending", 2), ("running", 0)]),
      MetricFamily(.counter, "muster_gpu_seconds", unit: .seconds, "GPU time.", real: 1.5),
      MetricFamily(
        .histogram, "muster_wait_seconds", unit: .seconds, "Waits.", [.init(.distribution(waits))]),
    ]
  }

  static func text(_ families: [MetricFamily], _ format: ExpositionFormat) -> String {
    String(decoding: Exposition.text(families, format), as: UTF8.self)
  }

  @Test("Prometheus' own format: the ending is part of a counter's name, an information is a gauge")
  func plainText() {
    #expect(
      Self.text(Self.sample, .text) == """
        # HELP muster_build_info The version.
        # TYPE muster_build_info gauge
        muster_build_info{version="0.1.0"} 1
        # HELP muster_jobs Jobs by state.
        # TYPE muster_jobs gauge
        muster_jobs{state="pending"} 2
        muster_jobs{state="running"} 0
        # HELP muster_gpu_seconds_total GPU time.
        # TYPE muster_gpu_seconds_total counter
        muster_gpu_seconds_total 1.5
        # HELP muster_wait_seconds Waits.
        # TYPE muster_wait_seconds histogram
        muster_wait_seconds_bucket{le="0.01"} 1
        muster_wait_seconds_bucket{le="1.0"} 2
        muster_wait_seconds_bucket{le="+Inf"} 3
        muster_wait_seconds_sum 3.51
        muster_wait_seconds_count 3

        """)
  }

  @Test("OpenMetrics: families without endings, units, an end; the samples are the same")
  func openMetrics() {
    let text = Self.text(Self.sample, .openMetrics)
    #expect(text.hasPrefix("# HELP muster_build The version.\n# TYPE muster_build info\n"))
    #expect(
      text.contains(
        """
        # HELP muster_gpu_seconds GPU time.
        # TYPE muster_gpu_seconds counter
        # UNIT muster_gpu_seconds seconds
        muster_gpu_seconds_total 1.5

        """))
    #expect(text.hasSuffix("muster_wait_seconds_count 3\n# EOF\n"))
    func samples(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("#") } }
    #expect(samples(text) == samples(Self.text(Self.sample, .text)))
  }

  @Test("what ends a label, a line or a text early is escaped")
  func escaping() {
    let odd = "a\"b\\c\nd"
    let family = MetricFamily(.gauge, "x", "say \"x\\y\"\nz", [.init(.integer(1), [.init("l", odd)])])
    let text = Self.text([family], .text)
    #expect(text == "# HELP x say \"x\\\\y\"\\nz\n# TYPE x gauge\nx{l=\"a\\\"b\\\\c\\nd\"} 1\n")
    #expect(Self.text([family], .openMetrics).hasPrefix("# HELP x say \\\"x\\\\y\\\"\\nz\n"))
  }

  @Test(
    "numbers as Go reads them",
    arguments: [
      (0.1, "0.1"), (1, "1.0"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e21, "1e+21"),
      (0.00001, "1e-05"),
    ])
  func numbers(value: Double, text: String) {
    #expect(Exposition.text(value) == text)
  }

  @Test("a family without samples is not mentioned")
  func nothing() {
    #expect(Self.text([MetricFamily(.gauge, "x", "x", [])], .text) == "")
    #expect(Self.text([], .openMetrics) == "# EOF\n")
  }

  @Test("a bound belongs to its bucket; what lies above all of them is counted, too")
  func buckets() {
    var histogram = Histogram(bounds: [1, 2])
    for value in [1, 1.5, 2, 2.5, 0] { histogram.record(value) }
    #expect(histogram.counts == [2, 2, 1] && histogram.count == 5 && histogram.sum == 7)
  }
}
