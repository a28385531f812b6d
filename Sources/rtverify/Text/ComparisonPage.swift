import Host
import ImageComparison

/// A comparison as one HTML page that needs nothing else: no other file, no network.
///
/// The report is in it as JSON, and a script draws it with text nodes only, so that no path or content of an image can
/// become markup. A Content-Security-Policy forbids every request.
enum ComparisonPage {
    static func html(_ report: ComparisonReport) -> String {
        // Without the files' last line end.
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.dropLast(), as: UTF8.self) }
        // In a script element only "</script" and "<!--" matter; no "<" is the simplest.
        let data = JSONText.of(report).replacing("<", with: "\\u003c")
        // The report last: what is in it is nobody's mark.
        return String(decoding: PackageResources.comparison_html, as: UTF8.self)
            .replacing("@STYLE@", with: text(PackageResources.comparison_css))
            .replacing("@SCRIPT@", with: text(PackageResources.comparison_js))
            .replacing("@REPORT@", with: data)
    }
}
