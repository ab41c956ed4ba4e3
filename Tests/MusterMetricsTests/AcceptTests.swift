import Testing

@testable import MusterMetrics

@Suite struct AcceptTests {
  @Test(
    "OpenMetrics where it is asked for by name and nothing else is wanted more",
    arguments: [
      "application/openmetrics-text",
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
      "Application/OpenMetrics-Text;Version=\"1.0.0\"",
      // As Prometheus 2.42 asks.
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "text/plain, application/openmetrics-text",
      "text/plain;q=0.9 , application/openmetrics-text ; q=0.95",
      "text/*;q=0.3,application/openmetrics-text;q=0.5,text/plain;q=0.4",
      "application/openmetrics-text;q=0.2,text/plain;version=0.0.5",
    ])
  func openMetrics(header: String) {
    #expect(ExpositionFormat(accept: header) == .openMetrics)
  }

  @Test(
    "the text to everybody else",
    arguments: [
      nil, "", "*/*", "text/plain", "text/html,*/*;q=0.8", "application/*",
      "application/openmetrics-text;q=0",
      "application/openmetrics-text;q=0.5, text/plain",
      "application/openmetrics-text;q=0.5, text/*;q=0.6",
      "application/openmetrics-text;version=0.0.1",
      "application/openmetrics-text;version=2.0.0, text/plain;q=0.1",
      "application/openmetrics-text;q=x", "application/openmetrics-text;q=7", "openmetrics-text", ";;,,=",
    ])
  func text(header: String?) {
    #expect(ExpositionFormat(accept: header) == .text)
  }

  @Test("the content types that Prometheus knows")
  func contentTypes() {
    #expect(ExpositionFormat.text.contentType == "text/plain; version=0.0.4; charset=utf-8")
    #expect(ExpositionFormat.openMetrics.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
  }
}
