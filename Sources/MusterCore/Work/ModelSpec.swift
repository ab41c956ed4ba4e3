/// The model that a job says it trains or runs, so that its steps can be counted in FLOPs. For reports only.
///
/// FLOPs a token, training: 6 N + 12 L h T, N the parameters that a token visits (all of a dense model without input
/// embeddings; of a mixture of experts the shared ones and those of the experts that it is routed to), L layers,
/// h hidden size (heads times head size), T sequence. Where only the causal half of attention is counted: 6 L h T.
/// Forward only: a third of it. Source: PaLM (arXiv 2204.02311), appendix B.
public struct ModelSpec: Hashable, Sendable {
  public enum Attention: UInt8, CaseIterable, Hashable, Sendable {
    /// Every token is counted against the whole sequence, as PaLM does.
    case full = 0
    /// Only against those before it.
    case causal = 1
  }

  /// What the matrices run in: the peak that MFU is measured against.
  public enum Precision: UInt8, CaseIterable, Hashable, Sendable {
    case bf16 = 0
    case fp16 = 1
    case tf32 = 2
    case fp32 = 3
    case fp8 = 4
    case fp4 = 5
  }

  public enum Pass: UInt8, CaseIterable, Hashable, Sendable {
    /// Forward and backward.
    case training = 0
    case forward = 1
  }

  public var parameters: Int64
  /// Those that a token visits; at most `parameters`, which it is where nothing is said.
  public var activeParameters: Int64
  /// Layers, hidden size and sequence are 0 together: attention is not counted then.
  public var layers: Int64 = 0
  public var hidden: Int64 = 0
  public var sequence: Int64 = 0
  /// Of the whole gang.
  public var tokensPerStep: Int64
  public var attention = Attention.full
  public var precision = Precision.bf16
  public var pass = Pass.training

  public init(parameters: Int64, activeParameters: Int64? = nil, tokensPerStep: Int64) {
    self.parameters = parameters
    self.activeParameters = activeParameters ?? parameters
    self.tokensPerStep = tokensPerStep
  }

  public var flopsPerToken: Double {
    let perLayer: Double = attention == .full ? 12 : 6
    let training =
      6 * Double(activeParameters) + perLayer * Double(layers) * Double(hidden) * Double(sequence)
    return pass == .training ? training : training / 3
  }

  public var flopsPerStep: Double { flopsPerToken * Double(tokensPerStep) }
}
