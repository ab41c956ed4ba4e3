import Hummingbird
import Logging
import MusterJournal
import MusterMetrics
import MusterProtocol
import NIOCore

/// `GET /metrics`: what Prometheus scrapes. Aggregates alone, in a number of series that no job, node, project or person
/// changes.
struct MetricsRoute: Sendable {
  static let path = "/metrics"
  /// The writer answers within a batch; a scrape that waited longer would hide what else there is to see when it does not.
  var patience = Duration.seconds(2)
  let api: API
  let logger: Logger
  private let exported = GrowingTime()

  init(api: API, logger: Logger) {
    self.api = api
    self.logger = logger
  }

  func respond(to request: Request) async -> Response {
    let format = ExpositionFormat(accept: request.headers[values: .accept].joined(separator: ","))
    let bytes = Exposition.text(await sample().families, format)
    return Response(
      status: .ok, headers: [.contentType: format.contentType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  func sample() async -> ControllerSample {
    let disk = disk()
    let writer = await writer()
    return ControllerSample(
      writer: writer, lanes: api.writer.laneCounts, eventStreams: api.events.listenerCount,
      journalBytes: disk.bytes, diskFreeBytes: disk.free,
      idle: (await api.efficiency.warnings.warned, await api.efficiency.warnings.cancelled),
      // The ledger asks the writer how far it is: one that does not answer would hold the scrape.
      gpuTime: writer == nil ? nil : await gpuTime(), telemetry: await api.telemetry.figures(),
      process: ProcessFigures.read())
  }

  private func writer() async -> ControllerSample.Writer? {
    let (answers, answered) = AsyncStream.makeStream(of: ControllerSample.Writer.self)
    let isTaken = api.writer.put(.reads) { state in
      let sample = ControllerSample.Writer(
        figures: state.recentFigures(), counts: state.counts, startedAt: state.startedAt, shims: state.links.shimCount,
        isDiskLow: state.space != nil)
      return { _, durability in
        if case .durable = durability { answered.yield(sample) }
        answered.finish()
      }
    }
    guard isTaken else { return nil }
    let timer = Task { [patience] in
      // Cancelled when the answer is there.
      guard (try? await Task.sleep(for: patience)) != nil else { return }
      answered.finish()
    }
    defer { timer.cancel() }
    for await sample in answers { return sample }
    return nil
  }

  private func disk() -> (bytes: Int64?, free: Int64?) {
    let path = api.folder.path
    do throws(JournalError) {
      return (Journal.bytesOnDisk(folder: path), try JournalOptions.statvfsFreeBytes(path))
    } catch {
      logger.warning("free space of \(path) is unknown: \(error)")
      return (Journal.bytesOnDisk(folder: path), nil)
    }
  }

  private func gpuTime() async -> [AccountedTime]? {
    guard let source = api.gpuTime else { return nil }
    do {
      return exported.shown(try await source())
    } catch {
      logger.warning("device time is not exported: \(error)")
      return nil
    }
  }
}
