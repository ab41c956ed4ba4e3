import Testing

@testable import MusterInsight

@Suite struct PriceBookTests {
  private static let book = PriceBook([
    .init(date: "2026-10-05", currency: "USD", source: "list", gpuHour: [.init(type: "H100", price: 3.99)]),
    .init(
      date: "2026-01-01", currency: "USD", source: "contract",
      gpuHour: [.init(type: "H100", price: 2.35), .init(type: "H200", price: 4.33)]),
  ])

  @Test("the newest entry that is not after the day holds")
  func newest() {
    #expect(Self.book.quote(type: "H100", on: "2025-12-31") == nil)
    #expect(Self.book.quote(type: "H100", on: "2026-01-01")?.price == 2.35)
    #expect(Self.book.quote(type: "H100", on: "2026-10-04")?.price == 2.35)
    #expect(Self.book.quote(type: "H100", on: "2026-10-05")?.price == 3.99)
    #expect(Self.book.quote(type: "H100", on: "2027-01-01")?.source == "list")
  }

  @Test("a type that the newest does not have keeps its older price")
  func older() {
    #expect(Self.book.quote(type: "H200", on: "2026-12-01")?.date == "2026-01-01")
    #expect(Self.book.quote(type: "B200", on: "2026-12-01") == nil)
  }

  @Test("types match whole, by another name of the part, or by one word of it")
  func names() {
    let prices: [PriceBook.TypePrice] = [
      .init(type: "H100", price: 1), .init(type: "H100-PCIe-80GB", price: 2), .init(type: "nvidia a10", price: 3),
    ]
    #expect(PriceBook.price(of: "NVIDIA H100 80GB HBM3", in: prices) == 1)
    #expect(PriceBook.price(of: "NVIDIA H100 PCIe", in: prices) == 2)
    #expect(PriceBook.price(of: "h100", in: prices) == 1)
    #expect(PriceBook.price(of: "A10", in: prices) == 3)
    #expect(PriceBook.price(of: "A100-SXM4-80GB", in: prices) == nil)
  }

  @Test("of several types a GPU-hour costs the mean over a job's devices, or nothing is told")
  func severalTypes() {
    var job = JobEvidence()
    job.parts = [.init(deviceType: "H100", devices: 2), .init(deviceType: "H200", devices: 6)]
    let mean = Self.book.quote(job, on: "2026-12-01")
    #expect(mean?.price == (2 * 3.99 + 6 * 4.33) / 8 && mean?.isMean == true && mean?.source == "list")
    job.parts.append(.init(deviceType: "B200", devices: 1))
    #expect(Self.book.quote(job, on: "2026-12-01") == nil, "no price of a B200")
  }

  @Test(
    "two prices for one part are told, whichever way they name it",
    arguments: [
      (["H100", "h100"], 0, 1), (["HBM3", "H100"], 0, 1), (["A100", "H100-SXM5-80GB", "nvidia h100 80gb hbm3"], 1, 2),
      (["own", "H100", "OWN"], 0, 2),
    ])
  func twins(types: [String], earlier: Int, later: Int) {
    let twins = PriceBook.twins(in: types.map { .init(type: $0, price: 1) })
    #expect(twins?.earlier == earlier && twins?.later == later)
  }

  @Test(
    "a part's own price beside that of a word of its name, and words of other parts, are no such two",
    arguments: [["H100", "H100-PCIe-80GB", "H200"], ["A10", "A100", "L4", "L40S", "GH200", "H200", "GB200", "B200"]])
  func noTwins(types: [String]) {
    #expect(PriceBook.twins(in: types.map { .init(type: $0, price: 1) }) == nil)
  }
}
