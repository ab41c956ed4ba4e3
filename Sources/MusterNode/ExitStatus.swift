/// How a process ended.
package struct ExitStatus: Hashable, Sendable {
  package var code: Int32
  /// 0 if it was not a signal.
  package var signal: Int32

  package init(wait status: Int32) {
    let number = status & 0x7f
    signal = number
    code = number == 0 ? (status >> 8) & 0xff : 0
  }
}

extension ExitStatus {
  /// Ended by a signal.
  package static func signal(_ number: Int32) -> ExitStatus { ExitStatus(wait: number) }
}
