import MusterDevices
import Testing

@Suite struct DevicePartTests {
  @Test("a part is found by its name and by what NVML calls it")
  func names() {
    #expect(DevicePart.named("h100-sxm5-80gb")?.sms == 132)
    #expect(DevicePart.named("NVIDIA H100 80GB HBM3")?.name == "H100-SXM5-80GB")
    #expect(DevicePart.named("H100") == nil)
  }
}
