/// What is asked of a program, and what must come back.
public struct ProgramRequest: Sendable {
    /// What is sent.
    public enum Kind: Sendable {
        case http(HTTPRequest)
        /// A message of the network, as JSON text.
        case event(String)
    }

    /// What is sent.
    public var kind: Kind
    /// nil for any below 500.
    public var expectedStatus: Int?
    /// Texts that the body must have.
    public var expectedTexts: [String]

    /// - Parameter expectedStatus: nil for any below 500.
    public init(_ kind: Kind, expectedStatus: Int? = nil, expectedTexts: [String] = []) {
        (self.kind, self.expectedStatus, self.expectedTexts) = (kind, expectedStatus, expectedTexts)
    }

    /// For people: `GET /path`.
    public var name: String {
        switch kind {
        case .http(let request): "\(request.method) \(request.target)"
        case .event: "event"
        }
    }
}
