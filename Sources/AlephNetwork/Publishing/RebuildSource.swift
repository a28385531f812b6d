import ContentHash

/// What rebuilds a published image, as its message's metadata names it under `rtverify`.
public struct RebuildSource: Equatable, Sendable {
    /// Of the lock's bytes.
    public let lockSHA256: Digest
    /// The root of the bundle with lock and inputs (`rtverify store export`).
    public let inputsCID: CID
    /// The STORE message that publishes the bundle's CAR.
    public let inputs: ItemHash
    /// The lock's recipe.
    public let recipe: Int

    /// Made of its parts.
    public init(lockSHA256: Digest, inputsCID: CID, inputs: ItemHash, recipe: Int) {
        (self.lockSHA256, self.inputsCID) = (lockSHA256, inputsCID)
        (self.inputs, self.recipe) = (inputs, recipe)
    }

    /// Reads a STORE message's content.
    /// - Throws: `MessageError.malformed`, where it names none too.
    init(content: StrictJSON) throws(MessageError) {
        guard let json = content["metadata"]?["rtverify"]?.nonNull else {
            throw .malformed("the message doesn't say what rebuilds the image (metadata.rtverify)")
        }
        func fail(_ name: String) -> MessageError { .malformed("the message's metadata.rtverify.\(name) is none") }
        guard let lock = json["lock_sha256"]?.text.flatMap(Digest.init(hex:)) else { throw fail("lock_sha256") }
        guard let root = json["inputs_cid"]?.text.flatMap({ try? CID($0) }) else { throw fail("inputs_cid") }
        guard let inputs = json["inputs"]?.text.flatMap(ItemHash.init) else { throw fail("inputs") }
        guard let recipe = json["recipe"]?.number.flatMap({ Int(exactly: $0) }) else { throw fail("recipe") }
        self.init(lockSHA256: lock, inputsCID: root, inputs: inputs, recipe: recipe)
    }

    /// As it stands in a message.
    var json: String {
        PythonJSON.object([
            ("lock_sha256", "\"\(lockSHA256)\""), ("inputs_cid", "\"\(inputsCID)\""), ("inputs", "\"\(inputs)\""),
            ("recipe", "\(recipe)"),
        ])
    }
}
