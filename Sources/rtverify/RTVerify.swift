import ArgumentParser
import Dispatch
import Glibc
import ImageComparison
import Reporting
import RootfsBuild
import VirtualMachine

/// The command line: each command parses, calls one function, prints.
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
        subcommands: [
            Init.self, Lock.self, Build.self, Hash.self, CAR.self, Verity.self, Compare.self, Inspect.self, Audit.self,
            Verify.self,
            Message.self, Boot.self, Doctor.self, SandboxCommand.self,
        ])
}

@main
enum EntryPoint {
    static func main() {
        // The chrooted child must come before any task: libdispatch watches its threads through /proc, which the
        // tree need not have, and traps without it.
        if CommandLine.arguments.count == 3, CommandLine.arguments[1] == RootTaskRunner.commandName {
            exit(runTasks(root: CommandLine.arguments[2]))
        }
        if CommandLine.arguments.count > 2, CommandLine.arguments[1] == RootEntry.commandName {
            printError(String(describing: RootEntry.run(Array(CommandLine.arguments.dropFirst(2)))))
            exit(127)
        }
        // The reader of images too: it confines itself while it has one thread.
        if (2...3).contains(CommandLine.arguments.count), CommandLine.arguments[1] == Examiner.commandName {
            exit(Examiner.run(extracted: CommandLine.arguments.count == 3 ? CommandLine.arguments[2] : nil))
        }
        if CommandLine.arguments.count > 2, CommandLine.arguments[1] == Guardian.commandName {
            exit(Guardian.run(Array(CommandLine.arguments.dropFirst(2))))
        }
        Task {
            await RTVerify.main()
            exit(0)
        }
        dispatchMain()
    }

    /// Reads the tasks from standard input and does them.
    private static func runTasks(root: String) -> Int32 {
        var input: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(STDIN_FILENO, &buffer, buffer.count), count > 0 { input += buffer[..<count] }
        do {
            try RootTaskRunner.run(try JSONText.decode([RootTask].self, from: input), root: root)
            return 0
        } catch {
            printError(String(describing: error))
            return 2
        }
    }
}
