import Hummingbird
import Logging
import MusterCore
import MusterProtocol
import MusterTLS
import NIOCore

/// `POST /v1/link`: one request that never ends. Its body streams what a node says, its response what it is told.
struct LinkRoute: Sendable {
  static let path = "/v1/link"
  let writer: Writer
  let telemetry: Telemetry
  let logger: Logger
  let tls: ControllerTLS?
  let isPretended: Bool

  func respond(to request: Request, _ context: ServerContext) async throws -> Response {
    guard !isPretended else {
      throw APIError(
        status: .conflict, code: "pretended",
        message: "the nodes of this controller are pretended: a real one cannot join",
        remedy: "join a controller that was started without --simulate")
    }
    let (writer, telemetry, logger, tls) = (self.writer, self.telemetry, self.logger, self.tls)
    var node: CertifiedNode?
    if let tls {
      let shown: PeerIdentity?
      do {
        shown = try await context.peer()
      } catch {
        throw APIError(
          status: .unauthorized, code: "noCertificate", message: "the certificate is not a node's: \(error)",
          remedy: "join with `muster agent --join ADDR --token T`; `muster token create` prints the token")
      }
      guard let peer = shown else {
        throw APIError(
          status: .unauthorized, code: "noCertificate", message: "the link needs a node's certificate",
          remedy: "join with `muster agent --join ADDR --token T`; `muster token create` prints the token")
      }
      node = CertifiedNode(peer, tls)
    }
    let certified = node
    let channel = context.channel
    return Response(
      status: .ok, headers: [.contentType: "application/x-ndjson"],
      body: ResponseBody { out in
        let peer = Peer()
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            let session = LinkSession(
              writer: writer, telemetry: telemetry, peer: peer, certified: certified, logger: logger)
            await LinkRoute.listen(request.body, session, logger)
          }
          group.addTask {
            // Cancelled when the connection has ended.
            try? await peer.watch()
          }
          do {
            for await message in peer.outgoing {
              var bytes: [UInt8] = []
              message.json.write(into: &bytes)
              bytes.append(UInt8(ascii: "\n"))
              try await out.write(ByteBuffer(bytes: bytes))
            }
          } catch {
            logger.debug("link: \(error)")
          }
          peer.close()
          group.cancelAll()
        }
        try await out.finish(nil)
        // Whoever was refused may not stay connected, even if it goes on sending.
        channel.close(mode: .all, promise: nil)
      })
  }

  /// Reads lines until the peer has gone or said something that cannot be.
  private static func listen(_ body: RequestBody, _ opened: LinkSession, _ logger: Logger) async {
    var session = opened
    var line: [UInt8] = []
    do {
      reading: for try await buffer in body {
        session.peer.heard()
        for byte in buffer.readableBytesView {
          if byte != UInt8(ascii: "\n") {
            line.append(byte)
            continue
          }
          if !line.isEmpty, await !session.heard(line) { break reading }
          line.removeAll(keepingCapacity: true)
        }
        if line.count > linkLineLimit { break }
      }
    } catch {
      logger.debug("link: \(error)")
    }
    session.ended()
  }
}
