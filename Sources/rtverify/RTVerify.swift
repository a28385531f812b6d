import ArgumentParser

/// The command line: each command parses, calls one function, prints.
@main
struct RTVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rtverify",
        abstract: "Build Aleph runtimes that anyone can rebuild bit for bit, and prove that they are the same.",
        discussion: """
            A manifest says what a runtime holds; `lock` pins every package and time; `build` makes an image whose \
            bytes depend on the lock alone; `hash` names it.

            Exit status: 0 yes, 1 no (it was decided, and it differs), 2 undecided (something is missing, malformed \
            or out of reach), 64 wrong command line.
            """,
        version: "0.1.0",
        subcommands: [Lock.self, Build.self, Hash.self, Doctor.self, SandboxCommand.self, ExtractCommand.self])
}
