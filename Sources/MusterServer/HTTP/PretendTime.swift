import Hummingbird
import MusterCore

/// Each answer about a pretend fleet says what time it is there: a client's own clock is far behind.
struct PretendTime: RouterMiddleware {
  typealias Context = ServerContext
  let writer: Writer

  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[.init("Muster-Time") ?? .ifMatch] = writer.now.rfc3339
    return response
  }
}
