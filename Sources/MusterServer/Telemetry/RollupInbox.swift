import Synchronization

/// What agents have sent and `Telemetry` has not taken yet. Whoever puts never waits: what finds no room is dropped and
/// counted, for the next rollup comes in ten seconds.
final class RollupInbox: Sendable {
  struct Parcel: Sendable {
    /// By the link's identity, never by what the blob says.
    var node: Int32
    /// So many the node has declared.
    var devices: Int32
    var bytes: [UInt8]
  }

  /// Every node of the largest fleet twice.
  static let mostParcels = 131_072
  static let mostBytes = 128 << 20
  /// One comes every ten seconds, and what waits is taken every second: whoever sends more takes nobody else's room.
  static let mostOfNode = 16
  /// 64 devices with every counter take 4 KiB.
  static let mostBytesOfOne = 16 << 10

  private struct State {
    var parcels: [Parcel] = []
    var bytes = 0
    var ofNode: [Int32: Int] = [:]
    var refused: Int64 = 0
  }

  private let state = Mutex(State())

  /// - Returns: false when it was dropped.
  @discardableResult
  func put(_ parcel: Parcel) -> Bool {
    state.withLock { state in
      let size = parcel.bytes.count
      let waiting = state.ofNode[parcel.node] ?? 0
      guard state.parcels.count < Self.mostParcels, size <= Self.mostBytesOfOne,
        state.bytes + size <= Self.mostBytes, waiting < Self.mostOfNode
      else {
        state.refused += 1
        return false
      }
      state.parcels.append(parcel)
      state.bytes += size
      state.ofNode[parcel.node] = waiting + 1
      return true
    }
  }

  func take() -> [Parcel] {
    state.withLock { state in
      defer {
        (state.parcels, state.bytes) = ([], 0)
        state.ofNode.removeAll(keepingCapacity: true)
      }
      return state.parcels
    }
  }

  /// Since the start.
  var refused: Int64 { state.withLock(\.refused) }
}
