import Glibc
import Synchronization

/// NVIDIA's management library, by `dlopen`: nothing to link with, and its absence is an answer.
enum NVML {
  static let library = "libnvidia-ml.so.1"

  enum Reading: Hashable, Sendable {
    /// Names of the devices, in the library's order.
    case devices([String])
    case unavailable(reason: String)
  }

  /// A driver that hangs is waited for so long, and it is said after so long that it is waited for. Milliseconds.
  static let patience: Int64 = 30_000
  private static let quiet: Int64 = 3_000

  private final class Answer: Sendable {
    let reading = Mutex<Reading?>(nil)
  }

  /// Asks on a thread of its own, which is left to itself where it does not answer in time.
  /// - Parameter patience: milliseconds.
  static func read(library: String = NVML.library, patience: Int64 = NVML.patience) -> Reading {
    let answer = Answer()
    do throws(SystemFailure) {
      try DetachedThread.start {
        let found = ask(library)
        answer.reading.withLock { $0 = found }
      }
    } catch {
      return .unavailable(reason: "no thread to ask \(library): \(error)")
    }
    let begun = bootMilliseconds()
    var isSaid = false
    while true {
      if let found = answer.reading.withLock({ $0 }) { return found }
      let waited = bootMilliseconds() - begun
      guard waited < patience else { break }
      if waited >= quiet, !isSaid {
        isSaid = true
        AgentMain.log("waits up to \(patience / 1000) s for nvmlInit_v2 of \(library) to say what devices there are")
      }
      poll(nil, 0, 10)
    }
    return .unavailable(
      reason: "nvmlInit_v2 of \(library) has not answered for \(patience / 1000) s: start the agent again when the "
        + "driver answers (`nvidia-smi`)")
  }

  private static func ask(_ library: String) -> Reading {
    do throws(NVMLCalls.Unavailable) {
      let calls = try NVMLCalls(library: library)
      let count = try calls.begin()
      defer { _ = calls.stop() }
      return .devices(
        (0..<count).map { i in
          var device: NVMLCalls.Device?
          // A device that does not answer is still a device; what is wrong with it, health will say.
          guard calls.byIndex(UInt32(i), &device) == 0 else { return "unknown" }
          return NVMLCalls.text(calls.name, device) ?? "unknown"
        })
    } catch {
      return .unavailable(reason: error.reason)
    }
  }
}
