import MusterDevices
import Testing

@testable import MusterInsight

/// Both figures of MFU in the precision that a job declares.
@Suite struct PrecisionTests {
  @Test(
    "FLOP a clock in another precision follows from the peaks of the data sheets",
    arguments: [
      ("H100-SXM5-80GB", "bf16", 4096, 989.4), ("H100-SXM5-80GB", "fp16", 4096, 989.4),
      ("H100-SXM5-80GB", "fp8", 8192, 1978.9), ("H100-SXM5-80GB", "tf32", 2048, 494.7), ("A100", "tf32", 1024, 156),
      ("B200-SXM-180GB", "fp4", 32768, 9000), ("L40S", "fp8", 2048, 733), ("MI355X", "fp4", 16384, 10066.4),
    ])
  func rates(type: String, precision: String, perClock: Int, peak: Double) throws {
    let rate = try #require(DevicePart.matching(type).part?.matrixRate(of: precision))
    #expect(rate == MatrixRate(precision: precision, flopPerClockPerSM: perClock, peakTflops: peak))
  }

  @Test("every rate of the table is at its clock the peak of the sheet, within 3 %")
  func consistent() throws {
    for part in DevicePart.all {
      for precision in ["bf16", "fp16", "tf32", "fp8", "fp4"] {
        guard let rate = part.matrixRate(of: precision), let sms = part.sms, let clock = part.matrixPeakClockMHz else {
          continue
        }
        let peak = Double(sms * rate.flopPerClockPerSM * clock) * 1e-6
        #expect(abs(peak / rate.peakTflops - 1) <= 0.03, "\(part.name) \(precision): \(peak)")
      }
    }
  }

  @Test(
    "what no sheet says is left out",
    arguments: [
      ("H100-SXM5-80GB", "fp4"), ("H100-SXM5-80GB", "fp32"), ("A100-SXM4-80GB", "fp8"), ("V100-SXM2-32GB", "bf16"),
      // Without SMs, and six times as fast in fp4: other units.
      ("GB300-NVL72", "fp4"), ("GB300-NVL72", "fp8"), ("H100-SXM5-80GB", "int3"),
    ])
  func without(type: String, precision: String) {
    #expect(DevicePart.named(type)?.matrixRate(of: precision) == nil)
  }

  @Test("the counters' figure is in the declared precision where the part's is known, and says so")
  func declared() throws {
    var job = World.counted([.matrices])
    let activity = 0.4 * 1830 / 1830
    let plain = try #require(job.counterMFU)
    #expect(abs(plain - activity) < 0.001)
    #expect(job.counterBasis?.hasSuffix("over 989.4 TFLOP/s (dense bf16, no precision is declared)") == true)
    job.precision = "fp8"
    let told = try #require(job.counterMFU)
    // Twice the FLOPs behind the same activity, of twice the peak.
    #expect(abs(told - activity) < 0.001)
    #expect(
      job.counterBasis
        == "tensor activity x 132 SMs x 8192 FLOP a clock and SM x SM clock, over 1978.9 TFLOP/s (dense fp8, as declared)"
    )
    job.precision = "fp4"
    #expect(job.counterMFU == plain)
    #expect(job.counterBasis?.contains("(dense bf16, for of fp4, which is declared, no FLOP a clock is known)") == true)
  }

  @Test("both in fp8 that disagree do so for another reason than the peak")
  func disagreement() throws {
    var job = World.counted([.matrices])
    (job.precision, job.declaredMFU) = ("fp8", 0.8)
    let finding = try #require(Insight.findings(job).first { $0.kind == .mfuDisagreement })
    #expect(finding.sentence.hasSuffix("too high, or matrices in another precision than fp8"))
    #expect(finding.evidence.contains { $0.contains("dense fp8, as declared") })
  }

  @Test("a type that may be several parts has no MFU, and what would do is said")
  func ambiguous() {
    var job = World.counted([.matrices])
    job.devices?.deviceType = "H100"
    job.deviceType = "H100"
    #expect(job.counterMFU == nil && job.part == nil && job.counterBasis == nil)
    #expect(
      job.partNote
        == "the device type \"H100\" may be H100-SXM5-80GB or H100-PCIe-80GB, which differ: a node that names "
        + "one of them (--device-type) has its MFU told")
    job.devices?.deviceType = "A100"
    job.deviceType = "A100"
    #expect(job.counterMFU != nil && job.partNote == nil)
    #expect(job.part.flatMap(PartSizes.of)?.gigabytes == 40 && job.part?.peak(of: "tf32") == 156)
    job.devices?.deviceType = "abacus"
    job.deviceType = "abacus"
    #expect(job.partNote == "the table of parts has no \"abacus\" (docs/devices.md)")
  }
}
