import ArgumentParser
import CSandbox
import Dispatch
import Glibc
import Host
import ImageBuild
import ImageComparison
import Sandbox

/// The command line: each command parses, calls one function, prints.
struct RTVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rtverify",
        abstract:
            "Reproducible builds of Aleph runtimes: anyone can rebuild them bit for bit, and verify that they are the same.",
        discussion: """
            A manifest says what a runtime holds; `lock` pins every package and time; `build` makes an image whose \
            bytes depend on the lock alone; `hash` names it.

            Exit status: 0 yes, 1 no (it was decided, and it differs), 2 undecided (something is missing, malformed \
            or out of reach), 64 wrong command line.
            """,
        version: VersionText.text,
        subcommands: [
            Init.self, Lock.self, Build.self, Hash.self, CAR.self, Verity.self, Compare.self, Inspect.self, Audit.self,
            Verify.self, GateCommand.self,
            StoreCommand.self, PublishCommand.self, Message.self, Boot.self, Run.self, Doctor.self,
        ])
}

@main
enum EntryPoint {
    static func main() {
        rtv_open_standard_streams()
        rtv_take_signals()
        var limit: UInt64 = 0
        if let what = rtv_short_limit(&limit) { fail("this process may have \(limit) \(String(cString: what))") }
        // From main's own arguments: Swift takes them from /proc, and finds none where it isn't mounted.
        var arguments: [String] = []
        while let word = rtv_argument(CInt(arguments.count + 1)) { arguments.append(String(path: word)) }
        runHidden(arguments)
        guard access("/proc/self/exe", F_OK) == 0 else {
            fail("/proc is not mounted here, and rtverify works through it; run: mount -t proc proc /proc")
        }
        guard !arguments.isEmpty else {
            printError(RTVerify.helpMessage())
            exit(64)
        }
        Task {
            await run(arguments)
        }
        dispatchMain()
    }

    /// As argument-parser's own `main` does it, but for the end.
    private static func run(_ arguments: [String]) async -> Never {
        let (arguments, note) = EarlierSpelling.today(arguments)
        if let note { printError("note: \(note)") }
        do {
            var command = try await RTVerify.asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            finish(0)
        } catch {
            let (text, status) = (RTVerify.fullMessage(for: error), RTVerify.exitCode(for: error).rawValue)
            if !text.isEmpty { if status == 0 { printLine(text) } else { printError(text) } }
            finish(status)
        }
    }

    /// Ends the program, whose answer must have been written to be one: a full disk, a closed stream and a pipe that nobody
    /// reads are no answer.
    static func finish(_ status: Int32) -> Never {
        if rtv_flush_output() != 0 {
            let reason = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
            fail("cannot write the result to standard output\(reason)")
        }
        exit(status)
    }

    private static func fail(_ reason: String) -> Never {
        printError("rtverify: \(reason)")
        // Without exit(3)'s flushing: what couldn't be written can't be now.
        _exit(2)
    }

    /// What rtverify starts of itself. These come before any task: libdispatch watches its threads through /proc, which a
    /// root need not have, and traps without it; and some confine themselves, which only one thread can.
    private static func runHidden(_ arguments: [String]) {
        let rest = Array(arguments.dropFirst())
        guard let command = arguments.first.flatMap(HiddenCommand.init) else { return }
        guard command.isFirstProcess ? getpid() == 1 : command == .tasks || command == .examine || !rest.isEmpty else {
            fail("rtverify starts this itself; it is of no use otherwise")
        }
        switch command {
        case .build: runSandbox { await BuildProcess.run() }
        case .resolve: runSandbox { await PackageQuestion.answer() }
        case .tasks: exit(runTasks(root: rest.first ?? "/"))
        case .enter:
            printError(String(describing: RootEntry.run(rest)))
            exit(127)
        case .user:
            printError(String(describing: SubordinateUser.run(rest)))
            exit(127)
        case .examine: exit(ExaminationProcess.run(extracted: rest.first))
        case .reap: exit(ProcessReaper.run(rest))
        }
    }

    /// Does a sandbox's work as its pid 1, whose standard streams are not for people.
    private static func runSandbox(_ work: @escaping @Sendable () async -> Void) -> Never {
        do { try SandboxProcess.begin() } catch { fail("\(error)") }
        Task {
            await work()
            finish(0)
        }
        dispatchMain()
    }

    /// Reads the tasks from standard input and does them.
    private static func runTasks(root: String) -> Int32 {
        do {
            try ChrootTaskRunner.run(
                try JSONText.decode([ChrootTask].self, from: try OpenFile.readToEnd(STDIN_FILENO)), root: root)
            return 0
        } catch {
            printError(String(describing: error))
            return 2
        }
    }
}
