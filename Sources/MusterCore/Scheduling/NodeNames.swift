/// Names as Slurm writes them, one by one: `node-[1-3,7],x` is `node-1 node-2 node-3 node-7 x`. Leading zeros are kept. What
/// is no such list comes back as the one name that it is.
public func expandNodeList(_ text: String, limit: Int = 1_000_000) -> [String] {
  var out: [String] = []
  for part in splitNodeList(text) where out.count < limit {
    guard let open = part.firstIndex(of: "["), part.hasSuffix("]") else {
      out.append(String(part))
      continue
    }
    let prefix = part[..<open]
    for range in part[part.index(after: open)...].dropLast().split(separator: ",") {
      let ends = range.split(separator: "-", maxSplits: 1)
      guard let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }), first <= last else {
        continue
      }
      let width = ends[0].count
      for number in first...last where out.count < limit {
        let digits = String(number)
        out.append(prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits)
      }
    }
  }
  return out
}

/// At the commas that are not within brackets.
private func splitNodeList(_ text: String) -> [Substring] {
  var (parts, start, depth): ([Substring], String.Index, Int) = ([], text.startIndex, 0)
  for index in text.indices {
    switch text[index] {
    case "[": depth += 1
    case "]": depth -= 1
    case "," where depth == 0:
      if start < index { parts.append(text[start..<index]) }
      start = text.index(after: index)
    default: break
    }
  }
  if start < text.endIndex { parts.append(text[start...]) }
  return parts
}

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
