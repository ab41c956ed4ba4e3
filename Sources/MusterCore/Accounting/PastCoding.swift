/// Sums of the past as bytes, and back. What follows from the hours is not written.
extension ByteWriter {
  mutating func put(_ past: PastJobs) {
    put(past.day)
    put(past.until)
    put(past.ended) { writer, ended in
      writer.put(ended.job)
      writer.put(ended.at)
    }
    put(past.groups) { writer, group in
      writer.put(group.project)
      writer.put(group.user)
      writer.put(group.type)
      writer.put(group.account.rawValue)
    }
    put(past.hours.first)
    put(past.hours.pieces) { writer, piece in
      writer.put(piece) { writer, entry in
        writer.put(entry.group)
        writer.put(entry.amount)
      }
    }
    put(past.rows) { writer, row in
      writer.put(row.job)
      writer.put(row.from)
      writer.put(row.to - row.from)
      writer.put(row.shape.devices)
      writer.put(row.shape.type)
      writer.put(row.shape.parts) { writer, part in
        writer.put(part.type)
        writer.put(part.devices)
      }
      writer.put(UInt64(row.accounts))
      for i in 0..<row.accounts.nonzeroBitCount { writer.put(past.amounts[Int(row.first) + i]) }
    }
  }
}

extension ByteReader {
  /// - Parameter jobs: how many there have been.
  mutating func pastJobs(jobs: Int) throws(CodingError) -> PastJobs {
    var past = PastJobs()
    past.day = try int()
    past.until = try int()
    past.ended = try array { (r) throws(CodingError) in PastJobs.Ended(job: try r.int(), at: try r.int()) }
    for _ in 0..<(try count()) {
      _ = past.number(
        of: PastJobs.Group(project: try int32(), user: try int32(), type: try int32(), account: try account()))
    }
    let (first, groups) = (try int(), past.groups.count)
    let pieces = try array { (r) throws(CodingError) in
      try r.array { (r) throws(CodingError) in
        PastSums.Entry(group: Int32(try r.below(groups, what: "group of sums")), amount: try r.int())
      }
    }
    past.restore(pieces, first: first)
    for _ in 0..<(try count()) {
      // Jobs are counted from 1.
      let job = Int64(try below(jobs, from: 1, what: "job of sums"))
      let from = try int()
      let to = from + (try int())
      var shape = LedgerShape(devices: try int32(), type: try int32())
      shape.parts = try array { (r) throws(CodingError) in
        TypeCount(type: try r.int32(), devices: try r.int32())
      }
      let row = PastJobs.Row(job: job, from: from, to: to, shape: shape)
      let (accounts, at) = (try uint(), offset)
      guard accounts <= UInt16.max else { throw .unknown(what: "accounts", number: accounts, at: at) }
      var totals = AccountTotals()
      for account in Account.allCases where accounts & (1 << UInt64(account.rawValue)) != 0 {
        totals[account] = try int()
      }
      past.put(row, totals)
    }
    return past
  }

  /// A number of something that there are so many of.
  private mutating func below(_ count: Int, from first: Int = 0, what: String) throws(CodingError) -> Int {
    let (number, at) = (try int(), offset)
    guard number >= first, number < first + count else {
      throw .unknown(what: what, number: UInt64(bitPattern: number), at: at)
    }
    return Int(number)
  }
}
