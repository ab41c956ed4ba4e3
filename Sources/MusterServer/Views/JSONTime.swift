import MusterCore
import MusterProtocol

extension JSON {
  /// Zero and `never` are null: it has not happened.
  static func time(_ instant: Instant) -> JSON {
    instant == .zero || instant == .never ? .null : .string(instant.rfc3339)
  }
  static func seconds(_ span: Span) -> JSON { .double((span.seconds * 1000).rounded() / 1000) }
}
