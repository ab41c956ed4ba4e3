/// A number and its noun as a sentence says them: `no nodes`, `1 node`, `3 nodes`. The noun is one whose plural takes an s.
func counted(_ number: some BinaryInteger, _ noun: String) -> String {
  switch number {
  case 0: "no \(noun)s"
  case 1: "1 \(noun)"
  default: "\(number) \(noun)s"
  }
}
