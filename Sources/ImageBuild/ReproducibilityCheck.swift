import ContentHash
import Glibc
import Host
import ImageComparison
import Mirrors
import RootfsBuild
import RuntimeSpec
import Synchronization

/// Builds one lock again under other conditions and, where the bytes differ, finds out which of them makes it so.
public struct ReproducibilityCheck: Sendable {
    private let builder: ImageBuilder
    private let runtime: ImageBuilder.LockedRuntime
    private let events: EventSink
    /// Builds to compare, the first included.
    private let builds: Int
    private let asked: [Variation]
    private let clock: ClockSource
    private let isExplicit: Bool
    /// Where images that differ are kept.
    private let keepFolder: String?

    /// - Parameters:
    ///   - builds: 2 or more.
    ///   - variations: What to vary; nil for all that one more build can have at once.
    ///   - clock: libfaketime of a lock's own archives, in the store; nil where they have none.
    ///   - keepFolder: Where images that differ are kept; nil for nowhere.
    public init(
        builder: ImageBuilder, runtime: ImageBuilder.LockedRuntime, builds: Int, variations: [Variation]?,
        clock: @escaping ClockSource, keepFolder: String?, events: @escaping EventSink
    ) {
        (self.builder, self.runtime, self.builds, self.events) = (builder, runtime, builds, events)
        // Of another base there is nothing to say of dpkg, unless somebody asks.
        asked = variations ?? Variation.together.filter { $0 != .unpacker || runtime.lock.system == .debian }
        // What is named must be varied; of all, what can be.
        isExplicit = variations.map { $0 != Variation.allCases } ?? false
        (self.clock, self.keepFolder) = (clock, keepFolder)
    }

    /// Finds the library that shows programs another date: a package of a lock's archives, fetched into the store.
    public typealias ClockSource = @Sendable (Lockfile) async throws -> (version: String, sha256: Digest)?

    /// A build's image, and what is known of it.
    struct Built: Sendable {
        var identity: FileIdentity
        var path: String
        var heard = Heard()
    }

    /// What a build said of itself.
    struct Heard: Sendable {
        /// What wrote each path that is watched.
        var writers: [String: String] = [:]
        /// Whether the tree was in memory.
        var isInMemory: Bool?
        /// Whether programs saw the other date, where they were to.
        var seesClock: Bool?
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
                first = Built(
                    identity: made.identity, path: made.path, heard: Heard(isInMemory: made.isInMemory))
            } else {
                first = try await build(.init(), plan, "\(place.path)/1")
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

    struct Plan {
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
                clock = try await self.clock(runtime.lock).map {
                    BuildJob.Clock(sha256: $0.sha256, version: $0.version, date: .later(days: Variation.days))
                }
                if clock == nil { obstacles["time"] = "the lock's archives have no libfaketime" }
            } catch  where isInputFailure(error) {
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
            reproducible: true, builds: 1, varied: [], notVaried: plan.obstacles, culprits: [], kept: [], notes: [],
            failures: [])
        var varied: Set<Variation> = []
        for round in plan.rounds {
            let other = try await build(.init(varied: round), plan, "\(folder)/2")
            report.builds += 1
            varied.formUnion(round)
            report.varied = Variation.allCases.filter { varied.contains($0) && report.notVaried[$0.rawValue] == nil }
            let isSame = other.identity == first.identity
            for (variation, reason) in Self.notTaken(round, first, other) {
                // Where they differ, that is the answer.
                if isSame, isExplicit { throw BuildError.cannotVary(variation.rawValue, reason: reason) }
                report.varied.removeAll { $0 == variation }
                report.notVaried[variation.rawValue] = reason
            }
            if isSame {
                unlink(other.path)
                continue
            }
            if try await explain(&report, round, plan, first, other, in: folder) { break }
        }
        return report
    }

    /// What was to be varied and was not, as is known after a build: little memory, a kernel whose memory file system has
    /// too few attributes, a store in memory; a library that doesn't run here.
    private static func notTaken(_ round: Set<Variation>, _ first: Built, _ other: Built) -> [(Variation, String)] {
        var reasons: [(Variation, String)] = []
        if round.contains(.fileSystem), let one = first.heard.isInMemory, one == other.heard.isInMemory {
            reasons.append((.fileSystem, "the tree could not be \(one ? "elsewhere than in memory" : "in memory")"))
        }
        if round.contains(.time), other.heard.seesClock == false {
            reasons.append((.time, "libfaketime of the lock's archives does nothing here"))
        }
        return reasons
    }

    /// Says of images that differ why they do; whatever fails from here on, that they differ is the answer.
    /// - Returns: Whether they do; not where it was what a variation takes alone that shows.
    private func explain(
        _ report: inout CheckReport, _ round: Set<Variation>, _ plan: Plan, _ first: Built, _ other: Built,
        in folder: String
    ) async throws -> Bool {
        events(.note("the builds differ; looking for what makes them"))
        var search = CulpritSearch(check: self, plan: plan, first: first, folder: folder)
        do {
            let found = try await search.culprits(of: round, shownBy: other)
            report.notes += search.notes
            if found.isEmpty {
                unlink(other.path)
                return false
            }
            report.culprits = found
        } catch  where !Self.isInterruption(error) {
            report.failures.append("what makes them differ was not found out: \(error)")
        }
        report.reproducible = false
        do { report.kept = try keep([first.path, other.path]) } catch { report.failures.append("\(error)") }
        unlink(other.path)
        return true
    }

    private func keep(_ images: [String]) throws -> [String] {
        guard let keepFolder else { return [] }
        try Folder.create(keepFolder)
        return try images.enumerated().map { number, image in
            let path = "\(keepFolder)/\(runtime.lock.name).\(number + 1).squashfs"
            try AtomicFile.copy(image, to: path)
            return path
        }
    }

    /// - Parameter conditions: Those of the build but for the clock, which is the plan's.
    func build(_ conditions: BuildConditions, _ plan: Plan, _ path: String) async throws -> Built {
        let names = Variation.allCases.filter(conditions.varied.contains).map(\.rawValue)
        let control = conditions.control.map { ", as for \($0.rawValue)" } ?? ""
        events(
            .note(
                "build" + (names.isEmpty ? ", nothing varied" : ", varied: \(names.joined(separator: ", "))") + control)
        )
        let heard = Mutex(Heard())
        var conditions = conditions
        conditions.clock = plan.clock
        let identity: FileIdentity
        do {
            identity = try await builder.build(runtime, image: path, conditions: conditions) { event in
                switch event {
                case .wrote(let path, let part): heard.withLock { $0.writers[path] = part }
                case .tree(let isInMemory): heard.withLock { $0.isInMemory = isInMemory }
                case .clock(let isSeen): heard.withLock { $0.seesClock = isSeen }
                default: break
                }
            }
        } catch  where !names.isEmpty && !Self.isInterruption(error) {
            throw BuildError.underVariation(names, reason: "\(error)")
        }
        return Built(identity: identity, path: path, heard: heard.withLock { $0 })
    }

    /// As `rtverify compare` says it; nil where the images can't be compared.
    func differences(_ first: Built, _ other: Built) async -> ComparisonReport? {
        do {
            return try await Examination.compare(first.path, other.path, options: .init(locks: [runtime.text]))
        } catch {
            events(.note("the images can't be compared: \(error)"))
            return nil
        }
    }

    static func isInterruption(_ error: any Error) -> Bool {
        error is Interrupted || error is CancellationError
    }
}
