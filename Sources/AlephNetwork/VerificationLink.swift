/// One link of the chain from a published hash to an image, as it was found.
public struct VerificationLink: Codable, Equatable, Sendable {
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

    public var name: String
    public var mark: Mark
    public var text: String

    public init(_ name: String, _ mark: Mark, _ text: String) { (self.name, self.mark, self.text) = (name, mark, text) }
}
