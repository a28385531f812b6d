import CLinux
import Glibc

/// What a stream may be given besides text, as its user's variables and the terminal have it: NO_COLOR (no-color.org),
/// CLICOLOR and CLICOLOR_FORCE (bixense.com/clicolors), TERM.
public struct TerminalStyle: Equatable, Sendable {
    /// Whether a line can be drawn again.
    public let canRedraw: Bool
    /// Whether text may have colours and weight.
    public let hasColors: Bool

    /// - Parameter variable: A variable's value; nil where it is not set, or empty.
    package init(isTerminal: Bool, variable: (String) -> String?) {
        let isCapable = isTerminal && variable("TERM").map { $0 != "dumb" } ?? false
        canRedraw = isCapable
        if variable("NO_COLOR") != nil {
            hasColors = false
        } else if let force = variable("CLICOLOR_FORCE"), force != "0" {
            hasColors = true
        } else {
            hasColors = isCapable && variable("CLICOLOR") != "0"
        }
    }

    /// Text alone.
    public static let plain = TerminalStyle(isTerminal: false, variable: { _ in nil })

    /// Standard error's.
    public static let errors = TerminalStyle(
        isTerminal: isatty(STDERR_FILENO) == 1, variable: environmentValue)

    /// Standard output's.
    public static let output = TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1, variable: environmentValue)

    /// A text in colours or weight.
    /// - Parameter codes: Of ECMA-48's select graphic rendition: `1;31`.
    public func painted(_ text: String, _ codes: String) -> String {
        hasColors ? "\u{1b}[\(codes)m\(text)\u{1b}[0m" : text
    }

    /// What a line is about.
    public func bold(_ text: String) -> String { painted(text, "1") }

    /// What went wrong.
    public func alarm(_ text: String) -> String { painted(text, "1;31") }

    /// What is worth a look.
    public func warning(_ text: String) -> String { painted(text, "33") }

    /// A terminal's columns at this moment; 80 where it doesn't say.
    static func width(_ descriptor: Int32) -> Int {
        let columns = rtv_terminal_columns(descriptor)
        return columns > 0 ? Int(columns) : 80
    }
}
