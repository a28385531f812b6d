import ArgumentParser
import Glibc
import ImageBuild
import Reporting
import RootfsBuild

/// The sandbox's pid 1. `build` starts it; its standard streams are not for people.
struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "What build runs inside its namespaces.", shouldDisplay: false)

    func run() async throws {
        guard getpid() == 1 else { throw ValidationError("`rtverify build` starts this; it is of no use by itself.") }
        await SandboxMain.run()
    }
}

/// The chrooted child that changes a tree.
struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox-tasks", abstract: "What build runs chrooted in a tree.", shouldDisplay: false)

    @Argument var root: String

    func run() throws {
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(STDIN_FILENO, &buffer, buffer.count), count > 0 { input += buffer[..<count] }
        do {
            try RootTaskRunner.run(try JSONText.decode([RootTask].self, from: input), root: root)
        } catch {
            printError(String(describing: error))
            throw ExitCode(2)
        }
    }
}
