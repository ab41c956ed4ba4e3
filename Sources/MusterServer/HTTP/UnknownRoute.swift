import Hummingbird
import MusterProtocol

/// What no route takes gets an error of the usual form, where the router would answer with an empty body.
struct UnknownRoute<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPError where error.status == .notFound {
      return try answer(request, context)
    }
  }

  private func answer(_ request: Request, _ context: Context) throws -> Response {
    let path = request.uri.path
    let methods = OpenAPI.methods(at: path)
    let (asked, known) = (request.method.rawValue, methods.joined(separator: ", "))
    let error =
      methods.isEmpty
      ? APIError.notFound("there is nothing at \(path)", "GET /v1/openapi.json lists all routes")
      : APIError(
        status: .methodNotAllowed, code: "methodNotAllowed", message: "\(path) does not take \(asked)",
        remedy: "it takes \(known)")
    var response = try error.response(from: request, context: context)
    if !methods.isEmpty { response.headers[.allow] = known }
    return request.method == .head ? response.createHeadResponse() : response
  }
}

extension OpenAPI {
  /// The methods that the document has for a path, in capitals; none for a path that is not in it.
  static func methods(at path: String) -> [String] {
    let asked = path.split(separator: "/")
    for route in routes where route.parts.count == asked.count {
      if zip(route.parts, asked).allSatisfy({ $0.hasPrefix("{") || $0 == $1 }) { return route.methods }
    }
    return []
  }

  private static let routes: [(parts: [Substring], methods: [String])] = {
    // It is part of the program, and a test reads it: with no document every path would be an unknown one.
    let whole = (try? JSON.parse(document)) ?? .null
    return (whole["paths"]?.objectValue ?? []).map { path in
      (path.name.split(separator: "/"), (path.value.objectValue ?? []).map { $0.name.uppercased() })
    }
  }()
}
