import ArgumentParser
import Glibc
import ImageBuild

/// The sandbox's pid 1. `build` starts it; its standard streams are not for people.
struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "What build runs inside its namespaces.", shouldDisplay: false)

    func run() async throws {
        guard getpid() == 1 else { throw ValidationError("`rtverify build` starts this; it is of no use by itself.") }
        await SandboxMain.run()
    }
}
