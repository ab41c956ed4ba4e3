public import MusterCore

/// Labels and rules about them, as people write them.
public enum LabelText {
  /// Of one node.
  public static let most = 32

  /// `key=value`; the value may be empty.
  public static func label(_ text: String) -> Label? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    let (key, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
    return isKey(key) && isValue(value) ? Label(key: key, value: value) : nil
  }

  /// `key=value`, `key!=value`, `key`, `!key`.
  public static func rule(_ text: String) -> LabelRule? {
    if text.hasPrefix("!") {
      let key = String(text.dropFirst())
      return isKey(key) ? LabelRule(key: key, isNegated: true) : nil
    }
    guard let equals = text.firstIndex(of: "=") else { return isKey(text) ? LabelRule(key: text) : nil }
    var key = text[..<equals]
    let isNegated = key.last == "!"
    if isNegated { key.removeLast() }
    let value = String(text[text.index(after: equals)...])
    guard isKey(String(key)), isValue(value) else { return nil }
    return LabelRule(key: String(key), value: value, isNegated: isNegated)
  }

  public static func text(_ rule: LabelRule) -> String {
    guard let value = rule.value else { return (rule.isNegated ? "!" : "") + rule.key }
    return "\(rule.key)\(rule.isNegated ? "!=" : "=")\(value)"
  }

  public static func isKey(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= JobFile.Limits.labelLength && text.utf8.allSatisfy(isKeyByte)
  }

  public static func isValue(_ text: String) -> Bool {
    text.utf8.count <= JobFile.Limits.labelLength
      && text.utf8.allSatisfy { isKeyByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "+") }
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
