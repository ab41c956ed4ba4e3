import Dispatch
import Foundation
import Logging
import MusterServer

/// Runs a server until a signal ends it: the first one stops in order, the second at once.
enum Serving {
  /// - Parameters:
  ///   - started: hears the address once it is listened on.
  ///   - stopping: what is done between the first signal and the end.
  ///   - killing: what is done at the second signal.
  static func run(
    _ server: Server, options: HostingOptions, started: @escaping @Sendable (String) async throws -> Void,
    stopping: @escaping @Sendable () async throws -> Void = {},
    killing: @escaping @Sendable () async -> Void = {}
  ) async throws {
    let signals = Signals([SIGINT, SIGTERM])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.run(started: started)
      }
      group.addTask {
        var received = signals.stream.makeAsyncIterator()
        guard await received.next() != nil else { return }
        let second = Task {
          var received = signals.stream.makeAsyncIterator()
          guard await received.next() != nil, !Task.isCancelled else { return }
          await killing()
          exit(130)
        }
        try await stopping()
        second.cancel()
      }
      _ = try await group.next()
      group.cancelAll()
    }
    await server.close()
    withExtendedLifetime(signals) {}
  }
}

/// Signals as a stream; their default action is off from here on.
///
/// `@unchecked Sendable`: the sources are made in `init` and only kept alive afterwards.
final class Signals: @unchecked Sendable {
  let stream: AsyncStream<Int32>
  private let sources: [any DispatchSourceSignal]

  init(_ numbers: [Int32]) {
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    self.stream = stream
    sources = numbers.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }
}
