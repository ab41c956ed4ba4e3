import Glibc
import Synchronization

/// Looks at devices again and again on a thread of its own, which nobody waits for: a driver that holds a call keeps
/// this thread alone, for ever if need be.
final class DeviceLooker: Sendable {
  /// So many looks are kept for whoever takes them each second.
  static let kept = 256

  private struct State {
    var looks: [DeviceLook] = []
    var hasLooked = false
    var isStopped = false
  }
  private let state = Mutex(State())

  /// - Parameters:
  ///   - pause: waits for the next look; nil: until the next whole second.
  ///   - make: makes the reader, on the thread.
  /// - Throws: if there can be no thread.
  init(
    pause: (@Sendable () -> Void)? = nil, _ make: @escaping @Sendable () -> any DeviceReader
  ) throws(SystemFailure) {
    let pause = pause ?? { WallTime.pause(untilSecondPlus: 0) }
    try DetachedThread.start { [self] in
      var reader = make()
      while true {
        let looks = reader.look()
        let isStopped = state.withLock { state in
          state.looks.append(contentsOf: looks)
          if state.looks.count > Self.kept { state.looks.removeFirst(state.looks.count - Self.kept) }
          state.hasLooked = true
          return state.isStopped
        }
        if isStopped { return }
        pause()
      }
    }
  }

  /// Whether its first look has come back.
  var hasLooked: Bool { state.withLock(\.hasLooked) }

  /// What has come since the last call. Never waits for a look.
  func take() -> [DeviceLook] {
    state.withLock { state in
      defer { state.looks.removeAll(keepingCapacity: true) }
      return state.looks
    }
  }

  /// After the look that is under way there is none.
  func stop() { state.withLock { $0.isStopped = true } }
}

/// The wall clock, for what must happen at the same time on every node.
enum WallTime {
  /// Since 1970.
  static var milliseconds: Int64 {
    var t = timespec()
    clock_gettime(CLOCK_REALTIME, &t)
    return Int64(t.tv_sec) * 1000 + Int64(t.tv_nsec) / 1_000_000
  }

  /// From this time to the next one that is so many milliseconds behind a whole second: 1 to 1,000.
  static func untilSecond(plus offset: Int64, from wall: Int64) -> Int64 {
    let passed = (wall - offset) % 1000
    return 1000 - (passed < 0 ? passed + 1000 : passed)
  }

  static func pause(untilSecondPlus offset: Int64) {
    poll(nil, 0, Int32(untilSecond(plus: offset, from: milliseconds)))
  }
}
