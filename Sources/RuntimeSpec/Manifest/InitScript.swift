/// An image's `/sbin/init` of rtverify's own.
public struct InitProgram: Equatable, Sendable {
    /// A shell command that it runs when the system is up; nil for a console on ttyS0.
    public var command: String?

    public init(command: String?) { self.command = command }

    init(_ fields: TOMLFields) throws {
        command = fields.has("command") ? try fields.string("command", "a command", Spelling.isCommand) : nil
    }

    func write(to text: inout TOMLText) {
        text.table("init")
        if let command { text.value("command", command) }
    }
}

/// The script of `[init]`: /sbin/init of images that take rtverify's own.
public enum InitScript {
    /// Its place in the image.
    public static let path = "/sbin/init"

    /// The script's bytes, with the manifest's command in them.
    public static func bytes(_ program: InitProgram) -> [UInt8] {
        let text = String(decoding: PackageResources.init_sh, as: UTF8.self)
        let quoted =
            "'"
            + (program.command ?? "").split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: #"'\''"#) + "'"
        return Array(text.replacing("@COMMAND@", with: quoted, maxReplacements: 1).utf8)
    }

    /// What a script of this form starts; nil where the text isn't one.
    public static func program(of text: String) -> InitProgram? {
        guard let start = text.firstRange(of: "command='") else { return nil }
        // The command may hold what looks like the script's next line: the script that it gives must be this one.
        for end in text.ranges(of: "'\nPATH=") where start.upperBound <= end.lowerBound {
            let command = text[start.upperBound..<end.lowerBound].replacing(#"'\''"#, with: "'")
            let program = InitProgram(command: command.isEmpty ? nil : String(command))
            if bytes(program) == Array(text.utf8) { return program }
        }
        return nil
    }
}
