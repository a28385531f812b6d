import Host

/// One link of the chain from a published hash to an image, as it was found.
public struct VerificationLink: Codable, Equatable, Sendable {
    /// What became of it.
    public enum Mark: String, Codable, Sendable {
        /// Proven here.
        case ok
        /// Proven otherwise.
        case no
        /// Left open: no match can come of it.
        case open
        /// Said, without weight.
        case note
    }

    /// What was looked at: `message`, `signature`, `image`.
    public var name: String
    /// What came of it.
    public var mark: Mark
    /// What was found, in words that do a terminal no harm.
    public var text: String

    /// - Parameter text: What a stranger wrote may be in it: control characters, which could repaint a terminal, are
    ///   shown as their numbers, and more than a few lines are cut.
    public init(_ name: String, _ mark: Mark, _ text: String) {
        (self.name, self.mark, self.text) = (name, mark, Self.printable(text))
    }

    /// A stranger's text for a terminal.
    public static func printable(_ text: String) -> String {
        TerminalText.safe(String(text.unicodeScalars.prefix(2000)))
    }
}
