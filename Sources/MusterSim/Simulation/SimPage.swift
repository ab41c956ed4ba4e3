extension SimResults {
  public func page(title: String) -> String { title }
}
