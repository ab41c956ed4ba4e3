import MusterCore
import Testing

@Suite struct FactCodingTests {
  static func encode(_ event: Fact.Event) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(Fact(at: Instant(nanoseconds: 1_700_000_000_123_456_789), event))
    return writer.bytes
  }

  @Test("every kind of fact has a sample and its own number")
  func kindsAreNumbered() {
    let numbers = Samples.events.map(\.kind)
    #expect(Set(numbers).count == 40)
    #expect(numbers == Samples.events.map(Samples.number))
  }

  @Test("a fact comes back as it was written", arguments: Samples.events)
  func roundTrip(event: Fact.Event) throws {
    var reader = ByteReader(Self.encode(event))
    let fact = try reader.fact()
    #expect(fact == Fact(at: Instant(nanoseconds: 1_700_000_000_123_456_789), event))
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test("bytes that are cut short are an error, never a crash", arguments: Samples.events)
  func truncated(event: Fact.Event) {
    let bytes = Self.encode(event)
    for length in 0..<bytes.count {
      var reader = ByteReader(Array(bytes.prefix(length)))
      #expect(throws: CodingError.self) { _ = try reader.fact() }
    }
  }

  @Test("a flipped bit gives an error or another fact, never a crash", arguments: Samples.events)
  func flipped(event: Fact.Event) {
    let bytes = Self.encode(event)
    var survived = 0
    for i in bytes.indices {
      for bit in 0..<8 {
        var bad = bytes
        bad[i] ^= 1 << UInt8(bit)
        var reader = ByteReader(bad)
        do {
          let fact = try reader.fact()
          #expect(fact != Fact(at: Instant(nanoseconds: 1_700_000_000_123_456_789), event) || !reader.isAtEnd)
        } catch {
          survived += 1
        }
      }
    }
    #expect(survived > 0)
  }

  @Test("a kind of a newer version is named")
  func unknownKind() {
    var writer = ByteWriter()
    writer.put(UInt64(9999))
    writer.put(Int64(0))
    var reader = ByteReader(writer.bytes)
    #expect(throws: CodingError.unknown(what: "fact", number: 9999, at: 0)) { _ = try reader.fact() }
  }
}
