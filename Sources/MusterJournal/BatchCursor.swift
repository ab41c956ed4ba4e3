import Foundation
import GRDB

/// Walks along a journal's batches and checks each. It reads some batches at a time and holds no transaction between
/// calls, so a slow reader never keeps the server's log from being reused.
public struct BatchCursor {
  /// A page ends with the batch that reaches this many bytes.
  private static let pageBytes = 1 << 20
  private static let pageBatches = 256

  private let reader: JournalReader
  /// The end of the last batch that `next` gave and checked.
  public private(set) var position: JournalEnd
  /// Batches read and not yet given, the next one last.
  private var page: [Batch] = []

  init(reader: JournalReader, after sequence: Int64, chain: Chain) {
    self.reader = reader
    position = JournalEnd(sequence: sequence, chain: chain)
  }

  /// The next batch, or nil at the present end; asking again later gives what has been written since.
  ///
  /// Throws `gap`, `altered`, `unreadable`, `damaged`. After an error the cursor stays where it is.
  public mutating func next() throws(JournalError) -> Batch? {
    if page.isEmpty { page = try read() }
    guard let batch = page.last else { return nil }
    guard batch.firstSequence == position.sequence + 1 else {
      throw .gap(after: position.sequence, found: batch.firstSequence)
    }
    let chain = position.chain.following(
      firstSequence: batch.firstSequence, count: batch.count, at: batch.at, facts: batch.facts)
    guard chain == batch.chain else { throw .altered(sequence: batch.firstSequence, what: .contents) }
    page.removeLast()
    position = JournalEnd(sequence: batch.lastSequence, chain: chain)
    return batch
  }

  private func read() throws(JournalError) -> [Batch] {
    let after = position.sequence
    return try reader.database.perform { database in
      let statement = try database.cachedStatement(
        sql: "SELECT first, count, at, facts, chain FROM batch WHERE first > ? ORDER BY first LIMIT ?")
      let rows = try Row.fetchCursor(statement, arguments: [after, BatchCursor.pageBatches])
      var batches: [Batch] = []
      var bytes = 0
      do {
        while bytes < BatchCursor.pageBytes, let row = try rows.next() {
          let batch = try Batch(row: row)
          bytes += batch.facts.count
          batches.append(batch)
        }
      } catch  where !batches.isEmpty {
        // What was read before the damage is given first; the next reading begins with the damage and says so.
      }
      return batches.reversed()
    }
  }
}

extension Batch {
  /// From (first, count, at, facts, chain). SQLite keeps any type in any column and the file may be damaged: nothing is
  /// converted and nothing is taken on trust.
  init(row: Row) throws(JournalError) {
    guard case .int64(let first) = (row[0] as DatabaseValue).storage else { throw .altered(sequence: 0, what: .row) }
    guard case .int64(let count) = (row[1] as DatabaseValue).storage,
      case .int64(let at) = (row[2] as DatabaseValue).storage,
      case .blob(let facts) = (row[3] as DatabaseValue).storage,
      case .blob(let chainBytes) = (row[4] as DatabaseValue).storage,
      let chain = Chain(bytes: [UInt8](chainBytes)),
      first >= 1, first < Batch.sequenceLimit, count >= 1, count <= Batch.countLimit
    else { throw .altered(sequence: first, what: .row) }
    self.init(firstSequence: first, count: Int(count), at: at, facts: [UInt8](facts), chain: chain)
  }
}
