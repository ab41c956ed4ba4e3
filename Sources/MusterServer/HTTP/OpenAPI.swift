/// The API's description, served at `/v1/openapi.json`.
enum OpenAPI {
  static let document = "{}"
}
