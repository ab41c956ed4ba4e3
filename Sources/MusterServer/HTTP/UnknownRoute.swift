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

/// A parameter that a route does not know is refused: a misspelt one would otherwise be passed over in silence.
struct UnknownParameter<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard request.uri.query != nil,
      let known = OpenAPI.route(at: request.uri.path)?.parameters[request.method.rawValue]
    else { return try await next(request, context) }
    for parameter in request.uri.queryParameters where !known.contains(String(parameter.key)) {
      throw APIError.invalid(
        String(parameter.key), String(parameter.value),
        known.isEmpty ? "no parameter: this takes none" : "one of the parameters \(known.joined(separator: ", "))")
    }
    return try await next(request, context)
  }
}

extension OpenAPI {
  /// The methods that the document has for a path, in capitals; none for a path that is not in it.
  static func methods(at path: String) -> [String] { route(at: path)?.methods ?? [] }

  struct Route: Sendable {
    var parts: [Substring]
    var methods: [String]
    /// Names of what may stand in the query, by method.
    var parameters: [String: [String]]
  }

  static func route(at path: String) -> Route? {
    let asked = path.split(separator: "/")
    return routes.first { route in
      route.parts.count == asked.count && zip(route.parts, asked).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
  }

  private static let routes: [Route] = {
    // It is part of the program, and a test reads it: with no document every path would be an unknown one.
    let whole = (try? JSON.parse(document)) ?? .null
    return (whole["paths"]?.objectValue ?? []).map { path in
      var route = Route(parts: path.name.split(separator: "/"), methods: [], parameters: [:])
      for method in path.value.objectValue ?? [] {
        route.methods.append(method.name.uppercased())
        route.parameters[method.name.uppercased()] = (method.value["parameters"]?.arrayValue ?? []).compactMap {
          $0["in"]?.stringValue == "query" ? $0["name"]?.stringValue : nil
        }
      }
      return route
    }
  }()
}
