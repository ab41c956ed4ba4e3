extension DevicePart {
  /// All that the table knows, in its order. Source: vendors' data sheets; peaks are dense (vendors often print sparse
  /// ones, twice that), MI250X is one card of two dies. H100's matrix peak is stated at 1,830 MHz although its clock
  /// may reach 1,980. A field that no sheet tells is nil.
  public static let all: [DevicePart] = [
    DevicePart(
      "V100-SXM2-32GB", aliases: ["Tesla V100-SXM2-32GB"], sms: 80, flopPerClock: 1024, peakClock: 1530,
      peak: 125, .fp16, bandwidth: 0.9, watts: 300, hasGPM: false),
    DevicePart(
      "T4", aliases: ["Tesla T4", "NVIDIA T4"], sms: 40, flopPerClock: 1024, peakClock: 1590,
      peak: 65, .fp16, bandwidth: 0.32, watts: 70, hasGPM: false),
    DevicePart(
      "A10", aliases: ["NVIDIA A10"], sms: 72, flopPerClock: 1024, peakClock: 1695,
      peak: 125, .bf16, bandwidth: 0.6, watts: 150, hasGPM: false),
    DevicePart(
      "A100-SXM4-40GB", aliases: ["NVIDIA A100-SXM4-40GB"], sms: 108, flopPerClock: 2048, peakClock: 1410,
      peak: 312, .bf16, bandwidth: 1.555, watts: 400, hasGPM: false),
    DevicePart(
      "A100-SXM4-80GB", aliases: ["NVIDIA A100-SXM4-80GB"], sms: 108, flopPerClock: 2048, peakClock: 1410,
      peak: 312, .bf16, bandwidth: 2.039, watts: 400, hasGPM: false),
    DevicePart(
      "A100-PCIe-80GB", aliases: ["NVIDIA A100 80GB PCIe"], sms: 108, flopPerClock: 2048, peakClock: 1410,
      peak: 312, .bf16, bandwidth: 1.935, watts: 300, hasGPM: false),
    DevicePart(
      "L4", aliases: ["NVIDIA L4"], sms: 58, flopPerClock: 1024, peakClock: 2040,
      peak: 121, .bf16, bandwidth: 0.3, watts: 72, hasGPM: false),
    DevicePart(
      "L40S", aliases: ["NVIDIA L40S"], sms: 142, flopPerClock: 1024, peakClock: 2490,
      peak: 362.05, .bf16, bandwidth: 0.864, watts: 350, hasGPM: false),
    DevicePart(
      "H100-SXM5-80GB", aliases: ["NVIDIA H100 80GB HBM3"], sms: 132, flopPerClock: 4096, peakClock: 1830,
      peak: 989.4, .bf16, bandwidth: 3.35, watts: 700, hasGPM: true),
    DevicePart(
      "H100-PCIe-80GB", aliases: ["NVIDIA H100 PCIe"], sms: 114, flopPerClock: 4096, peakClock: 1620,
      peak: 756.5, .bf16, bandwidth: 2.0, watts: 350, hasGPM: true),
    DevicePart(
      "H200-SXM5-141GB", aliases: ["NVIDIA H200"], sms: 132, flopPerClock: 4096, peakClock: 1830,
      peak: 989.4, .bf16, bandwidth: 4.8, watts: 700, hasGPM: true),
    DevicePart(
      "GH200-96GB", aliases: ["NVIDIA GH200 480GB"], sms: 132, flopPerClock: 4096, peakClock: 1830,
      peak: 989.4, .bf16, bandwidth: 4.0, watts: 1000, hasGPM: true),
    DevicePart(
      "B200-SXM-180GB", aliases: ["NVIDIA B200"], sms: 148, flopPerClock: 8192, peakClock: 1856,
      peak: 2250, .bf16, bandwidth: 7.7, watts: 1000, hasGPM: true),
    DevicePart(
      "B300-SXM-288GB", aliases: ["NVIDIA B300 SXM6 AC"], sms: nil, flopPerClock: nil, peakClock: nil,
      peak: 2250, .bf16, bandwidth: 7.75, watts: 1100, hasGPM: true),
    DevicePart(
      "GB200-NVL72", aliases: ["NVIDIA GB200"], sms: nil, flopPerClock: nil, peakClock: nil,
      peak: 2500, .bf16, bandwidth: 8.0, watts: 1200, hasGPM: true),
    DevicePart(
      "GB300-NVL72", aliases: ["NVIDIA GB300"], sms: nil, flopPerClock: nil, peakClock: nil,
      peak: 2500, .bf16, bandwidth: 8.0, watts: 1400, hasGPM: true),
    DevicePart(
      "RTX-PRO-6000-Server-96GB", aliases: ["NVIDIA RTX PRO 6000 Blackwell Server Edition"], sms: 188,
      flopPerClock: 1024, peakClock: 2430,
      peak: 467.8, .bf16, bandwidth: 1.597, watts: 600, hasGPM: nil),
    DevicePart(
      "Rubin-VR-NVL72", aliases: [], sms: nil, flopPerClock: nil, peakClock: nil,
      peak: nil, .bf16, bandwidth: 22, watts: nil, hasGPM: nil),
    DevicePart(
      "MI250X", aliases: ["AMD Instinct MI250X"], sms: 220, flopPerClock: 1024, peakClock: 1700,
      peak: 383, .bf16, bandwidth: 3.2768, watts: 560, hasGPM: nil),
    DevicePart(
      "MI300X", aliases: ["AMD Instinct MI300X"], sms: 304, flopPerClock: 2048, peakClock: 2100,
      peak: 1307.4, .bf16, bandwidth: 5.3, watts: 750, hasGPM: nil),
    DevicePart(
      "MI325X", aliases: ["AMD Instinct MI325X"], sms: 304, flopPerClock: 2048, peakClock: 2100,
      peak: 1307.4, .bf16, bandwidth: 6.0, watts: 1000, hasGPM: nil),
    DevicePart(
      "MI355X", aliases: ["AMD Instinct MI355X"], sms: 256, flopPerClock: 4096, peakClock: 2400,
      peak: 2516.6, .bf16, bandwidth: 8.0, watts: 1400, hasGPM: nil),
  ]
}
