/// A page that is one file: no script, nothing from any other host, light and dark.
package enum PageFrame {
  /// - Parameters:
  ///   - title: escaped already.
  ///   - body: what follows the heading, as HTML.
  package static func html(title: String, style: String, body: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <meta name="color-scheme" content="light dark">
    <title>\(title)</title>
    <style>\(style)</style>
    </head>
    <body>
    <h1>\(title)</h1>
    \(body)
    </body>
    </html>

    """
  }
}
