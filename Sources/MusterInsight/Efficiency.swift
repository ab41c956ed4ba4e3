/// What holds for findings, money and idle jobs: the defaults, or what an efficiency file says.
public struct Efficiency: Hashable, Sendable {
  public var thresholds = Thresholds()
  public var prices = PriceBook()
  public var idle = IdleRules()

  public init() {}
}
