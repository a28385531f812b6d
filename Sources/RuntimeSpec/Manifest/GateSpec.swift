/// What a gate looks at: `gate.toml`.
public struct GateSpec: Equatable, Sendable {
    /// What is asked of a runtime, a column each.
    public enum Check: String, CaseIterable, Codable, Sendable {
        /// Manifest and lock belong together.
        case manifest
        /// Every entry of the lock follows from the archives' signatures.
        case archives
        /// The lock builds to its golden hashes.
        case golden
        /// Builds under other conditions give the same bytes.
        case builds
        /// Nothing is in the image that must not be published.
        case audit
        /// What a supervisor expects of a runtime.
        case contract
        /// Programs run on it, and answer as they should.
        case programs
        /// The network's item is these bytes, by whom it should be.
        case published
    }

    /// A program, and what it must answer: `[[runtime.program]]`. Paths are relative to the gate's file.
    public struct Program: Equatable, Sendable {
        /// A folder, archive, Python file or executable.
        public var path: String
        /// nil where there is one answer.
        public var entrypoint: String?
        /// nil for what the entrypoint says.
        public var interface: String?
        /// The program's variables, by name.
        public var variables: [String]
        /// MiB.
        public var memory: Int
        /// In order.
        public var requests: [Request]

        /// A request: `[[runtime.program.request]]`.
        public struct Request: Equatable, Sendable {
            /// `GET /path`.
            public var ask: String
            /// nil for any below 500.
            public var status: Int?
            /// What the body must have.
            public var texts: [String]
        }

        init(_ fields: TOMLFields) throws {
            path = try fields.string("path", "a path") { !$0.isEmpty && !$0.utf8.contains(0) }
            entrypoint = try fields.optionalString("entrypoint")
            interface = try fields.optionalString("interface")
            variables = try fields.strings("variables", "NAME=VALUE") { $0.contains("=") && !$0.hasPrefix("=") }
            memory = try fields.optionalInteger("memory", in: 64...1_048_576) ?? 512
            requests = try fields.tables("request", known: ["ask", "status", "has"]).map { request in
                Request(
                    ask: try request.string("ask", "a method and a path: 'GET /path'") {
                        $0.split(separator: " ").count == 2 && $0.contains(" /")
                    },
                    status: try request.optionalInteger("status", in: 100...599),
                    texts: try request.stringOrStrings("has"))
            }
            if requests.isEmpty { requests = [Request(ask: "GET /", status: nil, texts: [])] }
        }

        static let keys = ["path", "entrypoint", "interface", "variables", "memory", "request"]
    }

    /// One runtime. Paths are relative to the gate's file.
    public struct Runtime: Equatable, Sendable {
        /// The name of the folder that the manifest lies in.
        public var name: String
        /// Its path, relative to the gate's file.
        public var manifest: String
        /// Its path, relative to the gate's file.
        public var lock: String
        /// Its path, relative to the gate's file.
        public var golden: String
        /// An image built elsewhere, which is looked at in place of the one that is built here.
        public var image: String?
        /// Builds that are compared, the first included.
        public var builds = 2
        /// Names of what is varied; nil for the standard.
        public var vary: [String]?
        /// Of the message that publishes the image; nil where it isn't published by one.
        public var itemHash: String?
        /// The image's own published hash; nil where a message names it, or nothing does.
        public var contentHash: String?
        /// Who may have signed, and who may own; any where there is none.
        public var senders: [String] = []
        /// Addresses, of which one must own the message.
        public var owners: [String] = []
        /// Whether amends are followed.
        public var latest = false
        /// Programs that must run on it.
        public var programs: [Program] = []
        /// Checks that are left out, and why.
        public var skip: [Check: String] = [:]

        /// A runtime of a repository that is laid out as this one.
        public init(manifest: String) {
            self.manifest = manifest
            let parts = manifest.split(separator: "/").map(String.init)
            name = parts.count > 1 ? parts[parts.count - 2] : "runtime"
            (lock, golden) = ("lockfiles/\(name).lock", "golden/\(name).json")
        }
    }

    /// What is asked of each; nil for all that a runtime has the keys for.
    public var checks: [Check]?
    /// Nodes to ask; the command line's where there is none.
    public var apis: [String] = []
    /// Whether an undecided check only warns, where that is safe.
    public var undecidedWarns = false
    /// In the file's order.
    public var runtimes: [Runtime]

    /// With the defaults for all else.
    public init(runtimes: [Runtime]) { self.runtimes = runtimes }

    /// Reads a gate's file.
    /// - Parameter file: Its path, for errors.
    /// - Throws: `SpecError`; an unknown key or check names the nearest.
    public init(text: String, file: String) throws {
        let root = try TOMLFields(text: text, file: file, known: ["gate", "runtime"])
        let gate = try root.optionalTable("gate", known: ["checks", "api", "undecided"])
        checks = try gate?.optionalStrings("checks")?.map { try Self.check($0, file) }
        apis = try gate?.stringOrStrings("api") ?? []
        for api in apis where !Spelling.isURL(api) {
            throw SpecError.badValue(file: file, key: "gate.api", found: "'\(api)'", expected: "http(s) URLs")
        }
        let undecided = try gate?.optionalString("undecided") ?? "fail"
        guard ["fail", "warn"].contains(undecided) else {
            throw SpecError.badValue(
                file: file, key: "gate.undecided", found: "'\(undecided)'", expected: "'fail' or 'warn'")
        }
        undecidedWarns = undecided == "warn"
        runtimes = try root.tables(
            "runtime",
            known: [
                "manifest", "lock", "golden", "image", "builds", "vary", "item-hash", "content-hash", "sender", "owner",
                "latest", "skip", "program",
            ]
        ).map { try Self.runtime($0, file) }
        var names: Set<String> = []
        for runtime in runtimes where !names.insert(runtime.name).inserted {
            throw SpecError.inconsistent(file: file, reason: "two runtimes are called '\(runtime.name)'")
        }
        if let checks, Set(checks).count != checks.count {
            throw SpecError.inconsistent(file: file, reason: "'gate.checks' names one twice")
        }
    }

    private static func check(_ name: String, _ file: String) throws -> Check {
        if let check = Check(rawValue: name) { return check }
        let names = Check.allCases.map(\.rawValue)
        throw SpecError.unknownKey(file: file, key: name, nearest: Spelling.nearest(to: name, among: names))
    }

    private static func runtime(_ fields: TOMLFields, _ file: String) throws -> Runtime {
        func path(_ key: String) throws -> String? {
            fields.has(key) ? try fields.string(key, "a path") { !$0.isEmpty && !$0.utf8.contains(0) } : nil
        }
        guard let manifest = try path("manifest") else { throw fields.missing("manifest") }
        var runtime = Runtime(manifest: manifest)
        if let lock = try path("lock") { runtime.lock = lock }
        if let golden = try path("golden") { runtime.golden = golden }
        runtime.image = try path("image")
        if let builds = try fields.optionalInteger("builds", in: 2...100) { runtime.builds = builds }
        runtime.vary = try fields.optionalStrings("vary")
        runtime.itemHash = try fields.optionalString("item-hash")
        runtime.contentHash = try fields.optionalString("content-hash")
        if runtime.itemHash != nil, runtime.contentHash != nil {
            throw SpecError.inconsistent(file: file, reason: "\(runtime.name) has both 'item-hash' and 'content-hash'")
        }
        runtime.senders = try fields.stringOrStrings("sender")
        runtime.owners = try fields.stringOrStrings("owner")
        runtime.latest = try fields.optionalFlag("latest") ?? false
        if runtime.itemHash == nil, runtime.latest || !runtime.senders.isEmpty || !runtime.owners.isEmpty {
            throw SpecError.inconsistent(
                file: file, reason: "\(runtime.name): 'sender', 'owner' and 'latest' belong to an 'item-hash'")
        }
        runtime.programs = try fields.tables("program", known: Program.keys).map { try Program($0) }
        let skip = try fields.optionalTable("skip", known: Check.allCases.map(\.rawValue))
        for check in Check.allCases where skip?.has(check.rawValue) == true {
            runtime.skip[check] = try skip?.string(check.rawValue, "a reason") { text in
                text.contains { !$0.isWhitespace }
            }
        }
        return runtime
    }
}
