import Host

/// A PROGRAM message: what a supervisor makes of it (aleph-message, ProgramContent). Its content is what its item hash names.
public struct ProgramMessage: Sendable {
    /// A volume.
    public struct Volume: Sendable {
        /// An absolute path in the machine.
        public let mount: String
        /// nil where it is the machine's own: ephemeral or persistent.
        public let reference: ProgramReference?
        /// MiB, where it is the machine's own.
        public let size: Int
    }

    /// What names the message.
    public let itemHash: String
    /// `main:app`, or a file.
    public let entrypoint: String
    /// `asgi` or `executable`, as a machine is told it; nil where the entrypoint says it.
    public let interface: String?
    /// In the message's order.
    public let variables: [(name: String, value: String)]
    /// MiB.
    public let memory: Int
    /// Lines of an authorized_keys file.
    public let authorizedKeys: [String]
    /// Whether it may use the network.
    public let hasInternet: Bool
    /// The program's.
    public let code: ProgramReference
    /// The runtime's.
    public let runtime: ProgramReference
    /// What is unpacked into /data; nil where there is none.
    public let data: ProgramReference?
    /// In the message's order.
    public let volumes: [Volume]

    /// Reads a message as a node answers it.
    /// - Parameter nodes: Asked for content that isn't in the message.
    /// - Throws: `MessageError`.
    public init(_ bytes: [UInt8], nodes: NodeSet) async throws {
        let answer = try NodeAnswer(bytes, wanted: nil)
        guard let message = answer.message else { throw MessageError.malformed("there is no message in it") }
        guard message.type == "PROGRAM" else {
            throw MessageError.malformed("it is a \(message.type.prefix(20)) message, and no PROGRAM")
        }
        try self.init(try await nodes.content(of: message), itemHash: "\(message.itemHash)")
    }

    init(_ content: StrictJSON, itemHash: String) throws(MessageError) {
        func text(_ json: StrictJSON?, _ name: String) throws(MessageError) -> String {
            guard let text = json?.text, !text.isEmpty else { throw .malformed("its \(name) is no text") }
            return text
        }
        func section(_ name: String) throws(MessageError) -> StrictJSON {
            guard let section = content[name]?.nonNull, section.isObject else {
                throw .malformed("it has no '\(name)'")
            }
            return section
        }
        self.itemHash = itemHash
        let code = try section("code")
        entrypoint = try text(code["entrypoint"], "entrypoint")
        // Messages of the first years have none.
        interface = code["interface"]?.nonNull?.text.map { $0 == "binary" ? "executable" : $0 }
        self.code = try ProgramReference(of: code, "code")
        runtime = try ProgramReference(content, "runtime")
        data = try content["data"]?["ref"]?.nonNull == nil ? nil : ProgramReference(content, "data")
        let resources = content["resources"]?.nonNull
        memory = Self.whole(resources?["memory"]) ?? 128
        authorizedKeys = content["authorized_keys"]?.elements?.compactMap(\.text) ?? []
        hasInternet = content["environment"]?["internet"]?.flag ?? false
        var variables: [(name: String, value: String)] = []
        if case .object(let members)? = content["variables"]?.nonNull {
            for member in members {
                guard let value = member.value.text else { throw .malformed("a variable of it is no text") }
                variables.append((member.key, value))
            }
        }
        self.variables = variables
        var volumes: [Volume] = []
        for json in content["volumes"]?.nonNull?.elements ?? [] {
            volumes.append(
                Volume(
                    mount: try text(json["mount"], "volume's mount"),
                    reference: json["ref"]?.nonNull == nil ? nil : try ProgramReference(of: json, "volume"),
                    size: Self.whole(json["size_mib"]) ?? 0))
        }
        self.volumes = volumes
    }

    /// A number of MiB that a machine of this world can have.
    private static func whole(_ json: StrictJSON?) -> Int? {
        json?.number.flatMap { Int(exactly: $0) }.flatMap { (0...1_048_576).contains($0) ? $0 : nil }
    }
}
