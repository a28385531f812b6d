import ContentHash
import Glibc
import Host
import ImageComparison
import InputStore
import PackageResolution
import Reporting
import RootfsBuild
import RuntimeSpec
import Synchronization

/// What `build --check` found.
public struct CheckReport: Codable, Sendable {
    /// An entry that differs.
    public struct Entry: Codable, Sendable {
        /// In the image; for how it is packed, the part of the image.
        public var path: String
        public var kind: ComparisonReport.Kind
        /// `compare`'s name of the known cause.
        public var cause: String?
        /// What wrote it last: a step, or the package that owns it.
        public var by: String?
    }

    /// What makes images differ.
    public struct Culprit: Codable, Sendable {
        /// Variations that do it together; none where builds differ without any: at random.
        public var variations: [Variation]
        public var entries: [Entry]
        /// Entries that were counted and not listed.
        public var omitted: Int
        public var remedy: String

        /// For people: `the time: /var/lib/x/stamp, by step 2`, what it had, and how to mend it.
        public var lines: [String] {
            let title = variations.isEmpty ? "at random" : variations.map(\.name).joined(separator: " and ")
            var lines = entries.isEmpty ? ["\(title): the images differ"] : []
            for entry in entries.prefix(10) {
                let by = entry.by.map { ", by \($0)" } ?? ""
                lines.append("\(title): \(entry.path)\(by) [\(entry.cause ?? entry.kind.rawValue)]")
            }
            let more = entries.count + omitted - min(10, entries.count)
            if more > 0 { lines.append("  and \(more) more (--json lists more)") }
            for variation in variations { lines.append("  it had \(variation.otherwise)") }
            return lines + ["  to mend it: \(remedy)"]
        }
    }

    public var reproducible: Bool
    /// Builds that were compared, before any search.
    public var builds: Int
    public var varied: [Variation]
    /// What was asked for and could not be varied, by name, and why.
    public var not_varied: [String: String]
    public var culprits: [Culprit]
    /// Where the images are that differ, if they were to be kept.
    public var kept: [String]
    /// What could not be done once the builds were found to differ: the search, or keeping the images.
    public var failures: [String]
}

/// Builds one lock again under other conditions and, where the bytes differ, finds out which of them makes it so.
public struct ReproducibilityCheck: Sendable {
    private let builder: ImageBuilder
    private let runtime: ImageBuilder.LockedRuntime
    private let events: EventSink
    /// Builds to compare, the first included.
    private let builds: Int
    private let asked: [Variation]
    private let isExplicit: Bool
    /// Where images that differ are kept.
    private let keepFolder: String?

    private static let listed = 50

    /// - Parameters:
    ///   - builds: 2 or more.
    ///   - variations: What to vary; nil for all that one more build can have at once.
    ///   - keepFolder: Where images that differ are kept; nil for nowhere.
    public init(
        builder: ImageBuilder, runtime: ImageBuilder.LockedRuntime, builds: Int, variations: [Variation]?,
        keepFolder: String?, events: @escaping EventSink
    ) {
        (self.builder, self.runtime, self.builds, self.events) = (builder, runtime, builds, events)
        asked = variations ?? Variation.together
        // What is named must be varied; of all, what can be.
        isExplicit = variations.map { $0 != Variation.allCases } ?? false
        self.keepFolder = keepFolder
    }

    /// A build's image, and what is known of it.
    private struct Built: Sendable {
        var identity: FileIdentity
        var path: String
        var writers: [String: String]
        /// nil where it wasn't heard of.
        var isInMemory: Bool?
    }

    /// - Parameters:
    ///   - made: The first image, where it is made already, and whether its tree was in memory.
    ///   - use: Gets the first image's identity and path, for as long as it runs, when the bytes are the same.
    public func run(
        first made: (identity: FileIdentity, path: String, isInMemory: Bool?)? = nil,
        use: @Sendable (FileIdentity, String) async throws -> Void = { _, _ in }
    ) async throws -> (report: CheckReport, identity: FileIdentity) {
        try await builder.fetch(runtime)
        let plan = try await plan()
        let place = try await builder.workFolder("\(runtime.lock.name.prefix(100))-check")
        do {
            let first: Built
            if let made {
                first = Built(identity: made.identity, path: made.path, writers: [:], isInMemory: made.isInMemory)
            } else {
                first = try await build([], plan, "\(place.path)/1")
            }
            let report = try await run(plan, first, in: place.path)
            if report.reproducible { try await use(first.identity, first.path) }
            await place.remove()
            return (report, first.identity)
        } catch {
            await place.remove()
            throw error
        }
    }

    private struct Plan {
        var rounds: [Set<Variation>]
        var clock: BuildJob.Clock?
        var obstacles: [String: String]
    }

    /// What each build after the first has otherwise.
    private func plan() async throws -> Plan {
        var obstacles: [String: String] = [:]
        for variation in asked {
            obstacles[variation.rawValue] = await BuildConditions.obstacle(
                to: variation, of: runtime.lock, in: builder.workDirectory)
        }
        var clock: BuildJob.Clock?
        if asked.contains(.time), obstacles["time"] == nil {
            do {
                clock = try await builder.otherClock(for: runtime.lock)
                if clock == nil { obstacles["time"] = "the lock's archives have no libfaketime" }
            } catch let error as StoreError {
                obstacles["time"] = "\(error)".split(separator: "\n").first.map(String.init)
            }
        }
        if isExplicit, let (name, reason) = obstacles.sorted(by: { $0.key < $1.key }).first {
            throw BuildError.cannotVary(name, reason: reason)
        }
        let varied = Set(asked.filter { obstacles[$0.rawValue] == nil })
        let together = varied.subtracting([.directoryOrder])
        var rounds = [together].filter { !$0.isEmpty }
        // A tree that is shuffled can't be in memory, nor its owner be without rights: a build of its own.
        if varied.contains(.directoryOrder) { rounds.append([.directoryOrder]) }
        if rounds.isEmpty { rounds = [[]] }
        // More builds: once more without anything varied, once more with all, and so on.
        var next = 0
        while rounds.count < builds - 1 {
            rounds.append(next % 2 == 0 ? [] : together)
            next += 1
        }
        return Plan(rounds: rounds, clock: clock, obstacles: obstacles)
    }

    private func run(_ plan: Plan, _ first: Built, in folder: String) async throws -> CheckReport {
        var report = CheckReport(
            reproducible: true, builds: plan.rounds.count + 1,
            varied: Variation.allCases.filter { variation in plan.rounds.contains { $0.contains(variation) } },
            not_varied: plan.obstacles, culprits: [], kept: [], failures: [])
        for round in plan.rounds {
            let other = try await build(round, plan, "\(folder)/2")
            if round.contains(.fileSystem), let one = first.isInMemory, one == other.isInMemory {
                // Little memory, a kernel whose memory file system has too few attributes, or a store in memory.
                let reason = "the tree could not be \(one ? "elsewhere than in memory" : "in memory")"
                if isExplicit { throw BuildError.cannotVary(Variation.fileSystem.rawValue, reason: reason) }
                report.varied.removeAll { $0 == .fileSystem }
                report.not_varied[Variation.fileSystem.rawValue] = reason
            }
            if other.identity == first.identity {
                unlink(other.path)
                continue
            }
            report.reproducible = false
            // They differ: whatever fails from here on, that is the answer.
            do { report.kept = try keep([first.path, other.path]) } catch { report.failures.append("\(error)") }
            events(.note("the builds differ; looking for what makes them"))
            let differences = await differences(first, other)
            let watched = differences?.differences.filter { $0.kind != .packing }.map(\.path) ?? []
            unlink(other.path)
            do {
                report.culprits = try await culprits(
                    of: round, first, plan, folder, watched: Array(watched.prefix(1000)))
            } catch  where !Self.isInterruption(error) {
                report.failures.append("what makes them differ was not found out: \(error)")
            }
            break
        }
        return report
    }

    private func keep(_ images: [String]) throws -> [String] {
        guard let keepFolder else { return [] }
        try Paths.createDirectory(keepFolder)
        return try images.enumerated().map { number, image in
            let path = "\(keepFolder)/\(runtime.lock.name).\(number + 1).squashfs"
            try AtomicFile.copy(image, to: path)
            return path
        }
    }

    private func build(
        _ varied: Set<Variation>, _ plan: Plan, _ path: String, watched: [String] = []
    ) async throws -> Built {
        let names = Variation.allCases.filter(varied.contains).map(\.rawValue)
        events(.note("build" + (names.isEmpty ? ", nothing varied" : ", varied: \(names.joined(separator: ", "))")))
        let heard = Mutex<(writers: [String: String], isInMemory: Bool?)>(([:], nil))
        let conditions = BuildConditions(varied: varied, clock: plan.clock, watched: watched)
        let identity: FileIdentity
        do {
            identity = try await builder.build(runtime, image: path, conditions: conditions) { event in
                switch event {
                case .wrote(let path, let part): heard.withLock { $0.writers[path] = part }
                case .tree(let isInMemory): heard.withLock { $0.isInMemory = isInMemory }
                default: break
                }
            }
        } catch  where !varied.isEmpty && !Self.isInterruption(error) {
            throw BuildError.underVariation(names, reason: "\(error)")
        }
        let (writers, isInMemory) = heard.withLock { $0 }
        return Built(identity: identity, path: path, writers: writers, isInMemory: isInMemory)
    }

    private static func isInterruption(_ error: any Error) -> Bool {
        if case BuildError.interrupted = error { return true }
        return error is CancellationError
    }

    // MARK: who did it

    /// One variation at a time, or half of them where there are many; first, whether it takes any.
    private func culprits(
        of varied: Set<Variation>, _ first: Built, _ plan: Plan, _ folder: String, watched: [String]
    ) async throws -> [CheckReport.Culprit] {
        let again = try await build([], plan, "\(folder)/2", watched: watched)
        if again.identity != first.identity { return [await culprit([], first, again)] }
        unlink(again.path)
        let names = Variation.allCases.filter(varied.contains)
        let found = try await search(names, isKnown: true, first, plan, folder, watched)
        // Seen once, and not again: at random after all, though seldom.
        guard !found.isEmpty else {
            return [.init(variations: [], entries: [], omitted: 0, remedy: Self.randomRemedy)]
        }
        return found
    }

    /// - Parameter isKnown: Whether these are known to make a difference together.
    private func search(
        _ names: [Variation], isKnown: Bool, _ first: Built, _ plan: Plan, _ folder: String, _ watched: [String]
    ) async throws -> [CheckReport.Culprit] {
        if !isKnown || names.count == 1 {
            let other = try await build(Set(names), plan, "\(folder)/2", watched: watched)
            defer { unlink(other.path) }
            if other.identity == first.identity { return [] }
            if names.count == 1 { return [await culprit(names, first, other)] }
        }
        let half = names.count / 2
        let parts = [Array(names[..<half]), Array(names[half...])].filter { !$0.isEmpty }
        var found: [CheckReport.Culprit] = []
        for part in parts { found += try await search(part, isKnown: false, first, plan, folder, watched) }
        if !found.isEmpty || names.count < 2 { return found }
        // Each half alone makes none.
        let together = try await build(Set(names), plan, "\(folder)/2", watched: watched)
        defer { unlink(together.path) }
        return together.identity == first.identity ? [] : [await culprit(names, first, together)]
    }

    private static let randomRemedy =
        "it comes without any variation: look for random numbers, hashes of addresses, and threads that race"

    private func culprit(_ names: [Variation], _ first: Built, _ other: Built) async -> CheckReport.Culprit {
        let report = await differences(first, other)
        let all = report?.differences ?? []
        // Packing differs wherever contents do.
        let shown = all.contains { $0.kind != .packing } ? all.filter { $0.kind != .packing } : all
        let entries = shown.prefix(Self.listed).map { difference in
            let writer = other.writers[difference.path] ?? first.writers[difference.path]
            let by = writer.map { $0.hasPrefix("the base") ? difference.package.map { "package \($0)" } ?? $0 : $0 }
            return CheckReport.Entry(
                path: difference.path, kind: difference.kind, cause: difference.cause,
                by: by ?? difference.package.map { "package \($0)" })
        }
        let remedy = names.isEmpty ? Self.randomRemedy : names.map(\.remedy).joined(separator: "; ")
        return .init(
            variations: names, entries: entries, omitted: shown.count - entries.count + (report?.omitted ?? 0),
            remedy: remedy)
    }

    /// As `rtverify compare` says it; nil where the images can't be compared.
    private func differences(_ first: Built, _ other: Built) async -> ComparisonReport? {
        do {
            return try await ExaminationProcess.compare(first.path, other.path, options: .init(lock: runtime.text))
        } catch {
            events(.note("the images can't be compared: \(error)"))
            return nil
        }
    }
}
