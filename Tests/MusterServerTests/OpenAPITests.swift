import Foundation
import Hummingbird
import Logging
import MusterProtocol
import Testing

@testable import MusterServer

@Suite struct OpenAPITests {
  @Test("the document describes exactly the routes that there are")
  func documentMatchesRoutes() async throws {
    let folder = NSTemporaryDirectory() + "muster-openapi-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let server = try await Server(Server.Options(dataFolder: folder, port: 0), logger: Logger(label: "test"))
    let real = try server.routes().routes.map { route in
      let path = route.path.description.split(separator: "/").map { part in
        part.hasPrefix(":") ? "{\(part.dropFirst())}" : String(part)
      }
      return "\(route.method.rawValue) /\(path.joined(separator: "/"))"
    }
    await server.close()

    let document = try JSON.parse(OpenAPI.document)
    let described = (document["paths"]?.objectValue ?? []).flatMap { path in
      (path.value.objectValue ?? []).map { "\($0.name.uppercased()) \(path.name)" }
    }
    #expect(described.sorted() == real.sorted())
    #expect(described.count > 15)
  }

  @Test("every operation has a summary, a success and the error")
  func operationsAreWhole() throws {
    let document = try JSON.parse(OpenAPI.document)
    for path in document["paths"]?.objectValue ?? [] {
      for operation in path.value.objectValue ?? [] {
        #expect(operation.value["summary"]?.stringValue?.isEmpty == false, "\(path.name)")
        let codes = operation.value["responses"]?.objectValue?.map(\.name) ?? []
        #expect(codes.contains("default") && codes.contains { $0.hasPrefix("2") }, "\(path.name)")
      }
    }
  }
}
