import MusterCore
import MusterProtocol
import Testing

@Suite struct JobFileModelTests {
  private func parse(_ model: String) -> Result<JobSpec, JobFileErrors> {
    JobFile.parse(yaml: "command: [x]\nmodel: \(model)", context: SubmitContext(user: "u", workingDirectory: "/"))
  }

  private func problems(_ model: String) -> [String] {
    guard case .failure(let errors) = parse(model) else { return [] }
    return errors.problems.map { "\($0.field) \($0.value)" }
  }

  @Test("a model as people write it; what is not said has its default")
  func reads() throws {
    let spec = try parse("{parameters: 8B, layers: 32, hidden: 4096, sequence: 8k, tokensPerStep: 4M}").get()
    let model = try #require(spec.model)
    #expect(model.parameters == 8_000_000_000 && model.activeParameters == 8_000_000_000)
    #expect(model.layers == 32 && model.hidden == 4096 && model.sequence == 8_000 && model.tokensPerStep == 4_000_000)
    #expect(model.attention == .full && model.precision == .bf16 && model.pass == .training)
    let moe = try parse("{parameters: 1.5T, activeParameters: 37e9, tokensPerStep: 1, precision: fp8, pass: forward}")
      .get().model
    #expect(moe?.activeParameters == 37_000_000_000 && moe?.parameters == 1_500_000_000_000)
    #expect(moe?.flopsPerToken == 2 * 37e9)
  }

  @Test("FLOPs a token: 6 N + 12 L h T; half of attention where only the causal half counts")
  func flops() {
    // Llama 3 405B at 8,192: 6 x 405e9 + 12 x 126 x 16,384 x 8,192.
    var model = ModelSpec(parameters: 405_000_000_000, tokensPerStep: 2)
    (model.layers, model.hidden, model.sequence) = (126, 16_384, 8_192)
    #expect(model.flopsPerToken == 6 * 405e9 + 202_937_204_736)
    #expect(model.flopsPerStep == 2 * model.flopsPerToken)
    model.attention = .causal
    #expect(model.flopsPerToken == 6 * 405e9 + 101_468_602_368)
  }

  @Test(
    "what is wrong is named, all of it",
    arguments: [
      ("{parameters: 8B}", ["model.tokensPerStep (missing)"]),
      ("{tokensPerStep: 4M}", ["model.parameters (missing)"]),
      ("{parameters: -1, tokensPerStep: 0}", ["model.parameters -1", "model.tokensPerStep 0"]),
      ("{parameters: 8Q, tokensPerStep: 1}", ["model.parameters 8Q"]),
      ("{parameters: 1.5, tokensPerStep: 1}", ["model.parameters 1.5"]),
      ("{parameters: 8B, tokensPerStep: 1, layers: 2}", ["model.hidden (missing)", "model.sequence (missing)"]),
      ("{parameters: 8B, tokensPerStep: 1, activeParameters: 9B}", ["model.activeParameters 9000000000"]),
      ("{parameters: 8B, tokensPerStep: 1, precision: int8}", ["model.precision int8"]),
      ("{parameters: 8B, tokensPerStep: 1, attention: half}", ["model.attention half"]),
      ("{parameters: 8B, tokensPerStep: 1, size: 3}", ["model.size 3"]),
      ("[8B]", ["model [...]"]),
    ])
  func wrong(text: String, expected: [String]) { #expect(problems(text) == expected) }
}
