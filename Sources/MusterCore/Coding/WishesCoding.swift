extension ByteWriter {
  mutating func put(_ wishes: Wishes) {
    put(wishes.segment)
    put(wishes.within) {
      $0.put($1.level)
      $0.put($1.isRequired)
    }
    put(wishes.spread) {
      $0.put($1.level)
      $0.put($1.atMost)
    }
    put(wishes.deviceTypes) { $0.put($1) }
    put(wishes.isExclusive)
    put(wishes.constraint) {
      $0.put($1.key)
      $0.put($1.value) { $0.put($1) }
      $0.put($1.isNegated)
    }
    put(wishes.exclude) { $0.put($1) }
    put(wishes.begin)
    put(wishes.isHeld)
    put(wishes.dependsOn) {
      $0.put($1.kind.rawValue)
      $0.put($1.job.number)
    }
    put(wishes.array) {
      $0.put($1.position)
      $0.put($1.count)
      $0.put($1.index)
      $0.put($1.atOnce)
    }
    put(wishes.warning) {
      $0.put($1.signal)
      $0.put($1.before)
    }
    put(wishes.priorityClass)
  }

  mutating func put(_ labels: [Label]) {
    put(labels) {
      $0.put($1.key)
      $0.put($1.value)
    }
  }
}

extension ByteReader {
  mutating func wishes() throws(CodingError) -> Wishes {
    var wishes = Wishes()
    wishes.segment = try int32()
    wishes.within = try optional { (r) throws(CodingError) in
      Within(level: try r.string(), isRequired: try r.bool())
    }
    wishes.spread = try optional { (r) throws(CodingError) in Spread(level: try r.string(), atMost: try r.int32()) }
    wishes.deviceTypes = try array { (r) throws(CodingError) in try r.string() }
    wishes.isExclusive = try bool()
    wishes.constraint = try array { (r) throws(CodingError) in
      LabelRule(
        key: try r.string(), value: try r.optional { (r) throws(CodingError) in try r.string() },
        isNegated: try r.bool())
    }
    wishes.exclude = try array { (r) throws(CodingError) in try r.string() }
    wishes.begin = try instant()
    wishes.isHeld = try bool()
    wishes.dependsOn = try array { (r) throws(CodingError) in
      Dependency(kind: try r.raw(Dependency.Kind.self), job: JobID(try r.int()))
    }
    wishes.array = try optional { (r) throws(CodingError) in
      ArrayTask(position: try r.int32(), count: try r.int32(), index: try r.int32(), atOnce: try r.int32())
    }
    wishes.warning = try optional { (r) throws(CodingError) in Warning(signal: try r.int32(), before: try r.span()) }
    wishes.priorityClass = try string()
    return wishes
  }

  mutating func labels() throws(CodingError) -> [Label] {
    try array { (r) throws(CodingError) in Label(key: try r.string(), value: try r.string()) }
  }
}
