/// Names in the order in which people count: `r2` before `r10`.
func comesBefore(_ a: String, _ b: String) -> Bool {
  var (x, y) = (Array(a.utf8)[...], Array(b.utf8)[...])
  func number(_ text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let digits = text.prefix { $0 >= 48 && $0 <= 57 }
    text = text.dropFirst(digits.count)
    return digits.drop { $0 == 48 }
  }
  while let first = x.first, let second = y.first {
    if first >= 48, first <= 57, second >= 48, second <= 57 {
      let (m, n) = (number(&x), number(&y))
      if m.count != n.count { return m.count < n.count }
      if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) }
    } else if first != second {
      return first < second
    } else {
      x = x.dropFirst()
      y = y.dropFirst()
    }
  }
  if x.isEmpty != y.isEmpty { return x.isEmpty }
  return a < b
}
