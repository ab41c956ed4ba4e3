import Foundation
import MusterDevices
import MusterTestKit
import Synchronization
import Testing

@testable import MusterAgent

@Suite struct ExporterTextTests {
  static func labels(_ gpu: Int, _ more: String = "") -> String {
    #"{gpu="\#(gpu)",UUID="GPU-\#(gpu)",pci_bus_id="00000000:0\#(gpu):00.0",device="nvidia\#(gpu)","#
      + #"modelName="NVIDIA H100 80GB HBM3",Hostname="n1"\#(more)}"#
  }

  /// As dcgm-exporter prints them: names before DCGM 4.6.0, and since.
  static let before = """
    # HELP DCGM_FI_DEV_SM_CLOCK SM clock frequency (in MHz).
    # TYPE DCGM_FI_DEV_SM_CLOCK gauge
    DCGM_FI_DEV_SM_CLOCK\(labels(0)) 1371
    DCGM_FI_DEV_SM_CLOCK\(labels(1)) 345
    DCGM_FI_DEV_GPU_UTIL\(labels(0)) 98
    DCGM_FI_DEV_MEM_COPY_UTIL\(labels(0)) 40
    DCGM_FI_DEV_POWER_USAGE\(labels(0)) 698.125000
    DCGM_FI_DEV_FB_USED\(labels(0)) 9216
    DCGM_FI_DEV_CLOCK_THROTTLE_REASONS\(labels(0)) 4
    DCGM_FI_PROF_GR_ENGINE_ACTIVE\(labels(0)) 0.98
    DCGM_FI_PROF_SM_ACTIVE\(labels(0)) 0.95
    DCGM_FI_PROF_SM_OCCUPANCY\(labels(0)) 0.14
    DCGM_FI_PROF_PIPE_TENSOR_ACTIVE\(labels(0)) 0.92
    DCGM_FI_PROF_DRAM_ACTIVE\(labels(0)) 0.25
    DCGM_FI_PROF_PIPE_FP64_ACTIVE\(labels(0)) 0
    DCGM_FI_PROF_PIPE_FP32_ACTIVE\(labels(0)) 0.01
    DCGM_FI_PROF_PIPE_FP16_ACTIVE\(labels(0)) 0.02
    DCGM_FI_PROF_PCIE_TX_BYTES\(labels(0)) 1048576
    DCGM_FI_PROF_PCIE_RX_BYTES\(labels(0)) 3145728
    DCGM_FI_DEV_XID_ERRORS\(labels(0, ",err_code=\"0\"")) 0

    """
  static let since =
    before.replacingOccurrences(of: "GR_ENGINE_ACTIVE", with: "GR_ENGINE_UTIL_RATIO")
    .replacingOccurrences(of: "SM_ACTIVE", with: "SM_UTIL_RATIO")
    .replacingOccurrences(of: "SM_OCCUPANCY", with: "SM_OCCUPANCY_RATIO")
    .replacingOccurrences(of: "PIPE_TENSOR_ACTIVE", with: "TENSOR_UTIL_RATIO")
    .replacingOccurrences(of: "DRAM_ACTIVE", with: "DRAM_UTIL_RATIO")
    .replacingOccurrences(of: "PIPE_FP64_ACTIVE", with: "FP64_UTIL_RATIO")
    .replacingOccurrences(of: "PIPE_FP32_ACTIVE", with: "FP32_UTIL_RATIO")
    .replacingOccurrences(of: "PIPE_FP16_ACTIVE", with: "FP16_UTIL_RATIO")
    .replacingOccurrences(of: "POWER_USAGE", with: "BOARD_POWER_WATTS")
    .replacingOccurrences(of: "GPU_UTIL{", with: "GPU_UTIL_RATIO{")
    .replacingOccurrences(of: "CLOCK_THROTTLE_REASONS", with: "CLOCKS_EVENT_REASONS")

  static func devices(_ text: String) -> [Int: ExporterText.Device] {
    ExporterText.devices(Array(text.utf8), seconds: 5)
  }

  @Test("every counter, by the names of both ages", arguments: [before, since])
  func names(text: String) throws {
    let devices = Self.devices(text)
    #expect(devices.keys.sorted() == [0, 1] && devices[1]?.model == "NVIDIA H100 80GB HBM3")
    let sample = try #require(devices[0]?.sample)
    let wanted: [DeviceCounter: Double] = [
      .utilisation: 0.98, .memoryUtilisation: 0.4, .power: 698.125, .smClock: 1371, .memoryUsed: 9_663_676_416,
      .graphics: 0.98, .sm: 0.95, .occupancy: 0.14, .tensor: 0.92, .dram: 0.25, .fp64: 0, .fp32: 0.01, .fp16: 0.02,
      .pcieSent: 1, .pcieReceived: 3,
    ]
    for counter in DeviceCounter.allCases {
      guard let value = wanted[counter] else {
        #expect([.processes, .integer].contains(counter) && sample[counter] == nil, "\(counter)")
        continue
      }
      #expect(abs(try #require(sample[counter], "\(counter)") - value) < 1e-9, "\(counter)")
    }
    #expect(sample.seconds == 5 && sample.isPowerCapped == true)
    #expect(devices[1]?.sample[.smClock] == 345 && devices[1]?.sample[.tensor] == nil)
  }

  @Test(
    "what stands there where there is no value is not one",
    arguments: ["140737488355328", "1.40737488355329e+14", "9223372036854775792", "NaN", "-1", "2147483634", "+Inf"])
  func sentinels(value: String) throws {
    let devices = Self.devices("DCGM_FI_DEV_POWER_USAGE\(Self.labels(0)) \(value)\n")
    #expect(try #require(devices[0]).sample[.power] == nil)
  }

  @Test(
    "utilisation under its new name is percent or a ratio by its size; 1 is not to be told",
    arguments: [("0", 0), ("0.5", 0.5), ("2", 0.02), ("100", 1), ("1", nil)] as [(String, Double?)])
  func utilisation(text: String, value: Double?) throws {
    let devices = Self.devices("DCGM_FI_DEV_GPU_UTIL_RATIO\(Self.labels(0)) \(text)\n")
    #expect(try #require(devices[0]).sample[.utilisation] == value)
  }

  @Test(
    "lines that are no device's are passed over",
    arguments: [
      "", "# comment", "up 1", "DCGM_FI_DEV_SM_CLOCK 3", "DCGM_FI_DEV_SM_CLOCK{gpu=\"x\"} 3",
      "DCGM_FI_DEV_SM_CLOCK{gpu=\"-1\"} 3", "DCGM_FI_DEV_SM_CLOCK{gpu=\"0\"", "DCGM_FI_DEV_SM_CLOCK{gpu=\"0} 3",
      "DCGM_FI_DEV_SM_CLOCK{gpu=\"0\"} three", "DCGM_FI_DEV_SM_CLOCK{gpu=0} 3", "DCGM_FI_DEV_SM_CLOCK{gpu=\"0\\",
      "DCGM_FI_DEV_SM_CLOCK{gpu=\"0\",GPU_I_PROFILE=\"1g.10gb\",GPU_I_ID=\"7\"} 3",
    ])
  func passedOver(line: String) {
    #expect(Self.devices(line).isEmpty)
  }

  @Test("blanks, escapes, a time behind the value and other line ends are read")
  func forms() throws {
    let text = "DCGM_FI_DEV_SM_CLOCK { gpu=\"2\" , modelName=\"a \\\"b\\\\, c}\\n\", } 1980 1700000000000\r\n"
    let device = try #require(Self.devices(text)[2])
    #expect(device.model == "a \"b\\, c}\n" && device.sample[.smClock] == 1980)
  }
}

@Suite(.timeLimit(.minutes(2))) struct ExporterReaderTests {
  final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  @Test("devices come in order, with their models; what fails is told once, and so is its end")
  func looks() throws {
    let text = ExporterTextTests.before
    let server = ScriptedController { request, reply in
      switch request.number {
      case 1, 5: reply.raw("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n\(text)")
      case 4: reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\(text)")
      default: reply.raw("HTTP/1.0 503 Service Unavailable\r\n\r\n")
      }
      reply.close()
    }
    defer { server.stop() }
    let log = Log()
    let address = try #require(ExporterAddress(url: "http://127.0.0.1:\(server.port)"))
    var reader = ExporterReader(address) { log.add($0) }
    let looks = reader.look()
    #expect(looks.map(\.device) == [0, 1] && looks[0].sample?[.tensor] == 0.92)
    #expect(looks[0].model == "NVIDIA H100 80GB HBM3" && looks[0].hasGPM == nil)
    #expect(server.received.map(\.target) == ["/metrics"])
    #expect(server.received[0].headers["authorization"] == nil)
    let counts = (0..<4).map { _ in reader.look().count }
    #expect(counts == [0, 0, 0, 2])
    #expect(
      log.all == [
        "\(address) does not tell of devices: it answers 503 Service Unavailable",
        "\(address) does not tell of devices: its answer ends after \(text.utf8.count) of 100000 bytes",
        "\(address) tells of 2 devices again",
      ])
  }

  @Test("an answer that is none has a reason", arguments: ["", "hello", "HTTP/1.1 200 OK\r\n", "SSH-2.0 200\r\n\r\n"])
  func noAnswer(text: String) {
    #expect(throws: ExporterReader.Failure(reason: "its answer is not HTTP")) {
      _ = try ExporterReader.body(Array(text.utf8))
    }
  }

  @Test(
    "an address has a host; port and path are dcgm-exporter's unless said",
    arguments: [
      ("http://127.0.0.1:9400/metrics", "http://127.0.0.1:9400/metrics"), ("http://n1", "http://n1:9400/metrics"),
      ("http://n1/", "http://n1:9400/metrics"), ("http://[::1]", "http://[::1]:9400/metrics"),
      ("http://[::1]:80/a/b?c=d", "http://[::1]:80/a/b?c=d"),
    ])
  func addresses(url: String, whole: String) throws {
    #expect(try #require(ExporterAddress(url: url)).description == whole)
  }

  @Test(
    "what is none",
    arguments: [
      "", "n1:9400", "https://n1", "http://", "http://:9400", "http://n1:", "http://n1:0", "http://n1:65536",
      "http://::1", "http://a b", "http://u@n1", "http://[::1", "http://n1\r\nX: y",
    ])
  func noAddresses(url: String) {
    #expect(ExporterAddress(url: url) == nil)
  }
}
