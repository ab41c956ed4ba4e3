/// A job's number. Counts up from 1, never used again.
public struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var number: Int64
  public init(_ number: Int64) { self.number = number }
  public static func < (a: JobID, b: JobID) -> Bool { a.number < b.number }
  public var description: String { String(number) }
}

/// A node's place in `Cluster.nodes`. Counts up from 0 in the order in which nodes first joined; a node keeps it for ever.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var index: Int32
  public init(_ index: Int32) { self.index = index }
  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  public var description: String { "#\(index)" }
}

/// One placement of a job's gang. Numbers count up from 1 within a job.
public struct AttemptID: Hashable, Sendable, CustomStringConvertible {
  public var job: JobID
  public var number: Int32
  public init(job: JobID, number: Int32) {
    self.job = job
    self.number = number
  }
  public var description: String { "\(job).\(number)" }
}

/// One node's part of an attempt: its place in the gang's rank order, from 0.
public struct MemberID: Hashable, Sendable, CustomStringConvertible {
  public var attempt: AttemptID
  public var index: Int32
  public init(attempt: AttemptID, index: Int32) {
    self.attempt = attempt
    self.index = index
  }
  public var description: String { "\(attempt).\(index)" }
}
