/// Who owns what a manifest puts into an image.
public struct Ownership: Equatable, Hashable, Codable, Sendable {
    /// A user that the image's /etc/passwd has, or a number as it is; nil for root.
    public let owner: String?
    /// A group that the image's /etc/group has, or a number as it is; nil for root.
    public let group: String?

    /// Root's.
    public static let root = Ownership(owner: nil, group: nil)

    /// - Parameters:
    ///   - owner: A user's name or number.
    ///   - group: A group's name or number.
    public init(owner: String?, group: String?) { (self.owner, self.group) = (owner, group) }

    static let keys = ["owner", "group"]

    init(_ fields: TOMLFields) throws {
        func name(_ key: String) throws -> String? {
            if let number = try? fields.optionalInteger(key, in: Self.numbers) { return "\(number)" }
            return fields.has(key)
                ? try fields.string(key, "a name, or a number from 0 to \(Self.numbers.upperBound)", Spelling.isOwner)
                : nil
        }
        (owner, group) = (try name("owner"), try name("group"))
    }

    func write(to text: inout TOMLText) {
        if let owner { text.value("owner", owner) }
        if let group { text.value("group", group) }
    }

    /// Ids that every build has: one without root has 65,536 of its own (subuid(5)).
    static let numbers = 0...65_535

    /// How an entry with an owner spells it.
    static func field<Entry>(
        _ path: any KeyPath<Entry, Ownership> & Sendable
    ) -> EntryField<Entry, Ownership> {
        EntryField(keys: keys, read: { try Ownership($0) }, write: { $0[keyPath: path].write(to: &$1) })
    }
}
