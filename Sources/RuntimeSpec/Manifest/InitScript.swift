import ContentHash

/// What an image's `/sbin/init` of rtverify's own starts: the manifest's `[init]`.
public enum InitProgram: Equatable, Sendable {
    /// A shell on ttyS0.
    case console
    /// A shell command that runs when the system is up.
    case command(String)
    /// The agent, which runs the program that an Aleph supervisor sends.
    case agent

    /// The keys of a manifest's `[init]`.
    static let keys = ["command", "agent"]

    init(_ fields: TOMLFields) throws {
        let command = fields.has("command") ? try fields.string("command", "a command", Spelling.isCommand) : nil
        let hasAgent = try fields.optionalFlag("agent") ?? false
        if hasAgent, command != nil {
            throw SpecError.inconsistent(
                file: fields.file,
                reason: "[init] has a command and agent = true: the agent starts the program that the network sends, "
                    + "and nothing would start the command; leave one of them out")
        }
        self = hasAgent ? .agent : command.map { .command($0) } ?? .console
    }

    func write(to text: inout TOMLText) {
        text.table("init")
        switch self {
        case .console: break
        case .command(let command): text.value("command", command)
        case .agent: text.value("agent", true)
        }
    }

    fileprivate var command: String { if case .command(let command) = self { command } else { "" } }
}

/// The script of `[init]`: /sbin/init of images that take rtverify's own.
///
/// A lock names it by hash. Every script that a release of rtverify ever locked stays in `released`, so that an old lock gives
/// its old image: another script is another file, and never a change to one of these.
public struct InitScript: Equatable, Sendable {
    /// Its place in the image.
    public static let path = "/sbin/init"

    /// What it starts.
    public let program: InitProgram
    /// Of the script with the program in it.
    public let sha256: Digest

    /// The newest script.
    public init(_ program: InitProgram) {
        (self.program, sha256) = (program, .of(Self.bytes(program, in: Self.newest)))
    }

    /// Oldest first, each with `@COMMAND@` where the program's command goes, and from the second on `@AGENT@` for the agent's
    /// path.
    package static let released = [
        PackageResources.init_1_sh, PackageResources.init_2_sh, PackageResources.init_3_sh,
    ]

    private static var newest: [UInt8] { released[released.count - 1] }

    /// The script's bytes; nil where no rtverify up to this one made such a script.
    public var bytes: [UInt8]? { bytes(among: Self.released) }

    /// The bytes that have the hash, of scripts that there were; nil where none has.
    package func bytes(among templates: [[UInt8]]) -> [UInt8]? {
        templates.lazy.map { Self.bytes(program, in: $0) }.first { Digest.of($0) == sha256 }
    }

    private static func bytes(_ program: InitProgram, in template: [UInt8]) -> [UInt8] {
        let quoted =
            "'"
            + program.command.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: #"'\''"#) + "'"
        // The agent's first: a command may hold what looks like its place.
        let text = String(decoding: template, as: UTF8.self).replacing(
            "@AGENT@", with: program == .agent ? AgentSources.program : "", maxReplacements: 1)
        return Array(text.replacing("@COMMAND@", with: quoted, maxReplacements: 1).utf8)
    }

    /// Reads a script that some rtverify wrote; nil where the text isn't one.
    public init?(text: String) {
        guard let start = text.firstRange(of: "command='") else { return nil }
        let digest = Digest.of(Array(text.utf8))
        // The command may hold what looks like the script's next line: the script that it gives must be this one.
        for end in ["'\nPATH=", "'\nagent="].flatMap({ text.ranges(of: $0) }) where start.upperBound <= end.lowerBound {
            let command = text[start.upperBound..<end.lowerBound].replacing(#"'\''"#, with: "'")
            for program: InitProgram in command.isEmpty ? [.console, .agent] : [.command(String(command))] {
                let script = InitScript(program: program, sha256: digest)
                guard script.bytes != nil else { continue }
                self = script
                return
            }
        }
        return nil
    }

    /// As a lock says it.
    package init(program: InitProgram, sha256: Digest) { (self.program, self.sha256) = (program, sha256) }

    /// The keys of a lock's `[init]`.
    static let keys = InitProgram.keys + ["sha256"]

    init(_ fields: TOMLFields) throws {
        self.init(program: try InitProgram(fields), sha256: try fields.digest("sha256"))
    }

    func write(to text: inout TOMLText) {
        program.write(to: &text)
        text.value("sha256", sha256)
    }
}
