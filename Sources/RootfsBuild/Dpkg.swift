import Host
import RuntimeSpec
import Sandbox
import Synchronization

/// The root's own dpkg, run chrooted in it.
struct Dpkg: Sendable {
    private let root: Root
    let progress: Progress

    init(root: Root, progress: Progress) { (self.root, self.progress) = (root, progress) }

    /// Unpacks prepared packages, in this order.
    func unpack(_ packages: [Lockfile.Package], options: [String]) async throws {
        if packages.isEmpty { return }
        let files = packages.map { "\(Root.privateFolder)/\($0.name).deb" }
        try await run("--unpack", options + ["--unpack"] + files)
    }

    /// Processes the triggers that wait, as it does at the end of each run.
    func processTriggers() async throws { try await run("--triggers-only", ["--triggers-only", "--pending"]) }

    /// What maintainer scripts are told of it: its version, and what is forced, as it spells them.
    func ownNames() async throws -> (version: String, forced: String) {
        let said = Mutex<[String]>([])
        func ask(_ option: String) async throws -> [Substring] {
            said.withLock { $0 = [] }
            try await root.run("dpkg \(option)", ["dpkg"] + Self.forced + [option]) { line in
                said.withLock { $0.append(line) }
            }
            return said.withLock { $0 }.joined(separator: "\n").split { $0 == " " || $0 == "\n" }
        }
        let version = try await ask("--version")
        let at = version.firstIndex(of: "version").map { $0 + 1 } ?? version.endIndex
        return (at < version.endIndex ? String(version[at]) : "", String(try await ask("--force-help").last ?? ""))
    }

    func configureAll() async throws { try await run("--configure", ["--configure", "--pending"]) }

    /// - Throws: when dpkg finds a package that isn't wholly installed.
    func audit() async throws {
        let audit = Mutex<[String]>([])
        try await root.run("dpkg --audit", ["dpkg", "--audit"]) { line in audit.withLock { $0.append(line) } }
        let complaints = audit.withLock { $0 }
        if !complaints.isEmpty {
            throw SandboxError.program("dpkg --audit", status: "not silent", output: complaints)
        }
    }

    private static let forced = ["--force-unsafe-io", "--force-confold"]

    /// A configuration file that is there already stays, and nobody is asked: dpkg would fail for want of an answer.
    private func run(_ action: String, _ arguments: [String]) async throws {
        let laps = Laps(root.events)
        try await root.run("dpkg \(action)", ["dpkg"] + Self.forced + arguments) {
            progress.count($0)
            laps.take($0)
        }
        laps.end()
    }

    /// How long each package's scripts take, as dpkg says which it begins with.
    private final class Laps: Sendable {
        /// Seconds of what is told: asking for each of hundreds of packages would take longer than most of them.
        private static let least = 0.3

        private let events: EventSink
        /// Seconds after which what processors have worked is asked anew.
        private static let staleness = 0.05

        private struct State {
            var name: String?
            var start = 0.0
            var used = TimelineSpan.Processors()
            var asked = 0.0
        }

        private let state = Mutex(State())

        init(_ events: @escaping EventSink) { self.events = events }

        func take(_ line: String) {
            for (start, what) in [("Setting up ", "set up"), ("Processing triggers for ", "triggers of")]
            where line.hasPrefix(start) { begin("\(what) \(line.dropFirst(start.count).prefix { $0 != " " })") }
        }

        func end() { begin(nil) }

        private func begin(_ name: String?) {
            let now = TimelineSpan.now
            state.withLock { state in
                let before = state.used
                if now - state.asked >= Self.staleness { (state.used, state.asked) = (ProcessorUse.ofSandbox(), now) }
                if let last = state.name, now - state.start >= Self.least {
                    events(.span(TimelineSpan("  " + last, from: state.start, to: now, before, state.used)))
                }
                (state.name, state.start) = (name, now)
            }
        }
    }

    /// A package counts half when it is unpacked, and half when it is set up.
    final class Progress: Sendable {
        private let done = Mutex(0)
        private let events: EventSink

        init(events: @escaping EventSink) { self.events = events }

        func count(_ line: String) {
            guard line.hasPrefix("Unpacking ") || line.hasPrefix("Setting up ") else { return }
            add(1)
        }

        /// Packages that were unpacked without dpkg.
        func add(_ packages: Int) {
            let done = done.withLock { done in
                done += packages
                return done
            }
            events(.progress(done: done / 2))
        }
    }
}
