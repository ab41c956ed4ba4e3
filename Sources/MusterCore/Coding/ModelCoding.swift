extension JobSpec {
  /// Number of the fact that submits it. Jobs of before there were wishes, roles, models are written as they were.
  var kind: UInt64 { model != nil ? 45 : hasRoles ? 43 : wishes.isEmpty ? 20 : 34 }
}

extension ByteWriter {
  mutating func put(_ model: ModelSpec?) {
    put(model) { writer, model in
      writer.put(model.parameters)
      writer.put(model.activeParameters)
      writer.put(model.layers)
      writer.put(model.hidden)
      writer.put(model.sequence)
      writer.put(model.tokensPerStep)
      writer.put(model.attention.rawValue)
      writer.put(model.precision.rawValue)
      writer.put(model.pass.rawValue)
    }
  }
}

extension ByteReader {
  mutating func model() throws(CodingError) -> ModelSpec? {
    try optional { (r) throws(CodingError) in
      var model = ModelSpec(parameters: try r.int(), activeParameters: try r.int(), tokensPerStep: 0)
      (model.layers, model.hidden, model.sequence) = (try r.int(), try r.int(), try r.int())
      model.tokensPerStep = try r.int()
      model.attention = try r.raw(ModelSpec.Attention.self)
      model.precision = try r.raw(ModelSpec.Precision.self)
      model.pass = try r.raw(ModelSpec.Pass.self)
      return model
    }
  }
}
