/// One figure of a process, with all its series: a name, what it means, and the samples of this moment.
///
/// A value that knows nothing of where it came from; `Exposition` writes it. Names are given without the endings that
/// the formats add themselves: a counter's `_total`, an information's `_info`.
package struct MetricFamily: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// Only grows while the process lives.
    case counter
    case gauge
    case histogram
    /// Always 1: what counts are the labels.
    case info
  }

  /// Base units alone, as Prometheus asks for; the name of a family that has one ends in it.
  package enum Unit: String, Hashable, Sendable {
    case seconds
    case bytes
  }

  package enum Value: Hashable, Sendable {
    case integer(Int64)
    case real(Double)
    case distribution(Histogram)
  }

  package struct Label: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package struct Sample: Hashable, Sendable {
    package var labels: [Label]
    package var value: Value

    package init(_ value: Value, _ labels: [Label] = []) {
      self.labels = labels
      self.value = value
    }
  }

  package var name: String
  package var kind: Kind
  package var unit: Unit?
  /// One sentence.
  package var help: String
  package var samples: [Sample]

  package init(_ kind: Kind, _ name: String, unit: Unit? = nil, _ help: String, _ samples: [Sample]) {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.help = help
    self.samples = samples
  }

  /// Of a whole number, without labels.
  package init(_ kind: Kind, _ name: String, unit: Unit? = nil, _ help: String, _ value: some BinaryInteger) {
    self.init(kind, name, unit: unit, help, [Sample(.integer(Int64(clamping: value)))])
  }

  /// Of a number with a fraction, without labels.
  package init(_ kind: Kind, _ name: String, unit: Unit? = nil, _ help: String, real value: Double) {
    self.init(kind, name, unit: unit, help, [Sample(.real(value))])
  }

  /// A series for each value of one label, in the order given. All of them are there from the start, those of 0 too: a
  /// series that appears later hides its first increase from `rate`.
  package init(
    _ kind: Kind, _ name: String, unit: Unit? = nil, _ help: String, by label: String,
    _ values: some Sequence<(String, Int64)>
  ) {
    self.init(
      kind, name, unit: unit, help, values.map { Sample(.integer($0.1), [Label(label, $0.0)]) })
  }
}
