import Testing

@testable import MusterDevices

@Suite struct DeviceMatchingTests {
  @Test(
    "a type is a part by its whole name, or by words that one part alone has",
    arguments: [
      ("NVIDIA H100 80GB HBM3", "H100-SXM5-80GB"), ("h100-pcie", "H100-PCIe-80GB"), ("H200", "H200-SXM5-141GB"),
      ("nvidia_gb200", "GB200-NVL72"), ("MI300X", "MI300X"), ("L4", "L4"), ("A100 40GB", "A100-SXM4-40GB"),
    ])
  func one(type: String, name: String) {
    #expect(DevicePart.matching(type).part == DevicePart.named(name))
    #expect(DevicePart.matching(type).part != nil)
  }

  @Test("several with the same matrix units are one part, of which only what they agree on is known")
  func same() throws {
    let part = try #require(DevicePart.matching("A100").part)
    #expect(part.sms == 108 && part.flopPerClockPerSM == 2048 && part.peakTflops == 312 && part.hasGPM == false)
    #expect(part.bandwidthTBs == nil && part.watts == nil)
    #expect(part.standsFor == ["A100-SXM4-40GB", "A100-SXM4-80GB", "A100-PCIe-80GB"])
  }

  @Test("several that differ are named")
  func several() {
    #expect(DevicePart.matching("H100") == .several(["H100-SXM5-80GB", "H100-PCIe-80GB"]))
    #expect(DevicePart.matching("H100").part == nil)
  }

  @Test("what no name has is unknown", arguments: ["", " - ", "H100-SXM9", "TPU7x", "H10"])
  func unknown(type: String) {
    #expect(DevicePart.matching(type) == .unknown)
  }
}
