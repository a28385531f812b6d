import ContentHash
import Glibc
import Host
import ImageBuild
import ImageComparison
import PackageResolution
import RuntimeSpec

/// What each check says of one runtime.
struct RuntimeChecks: Sendable {
    typealias Check = GateSpec.Check
    typealias Result = GateReport.Result

    let runtime: GateSpec.Runtime
    /// From a path of the gate's file to one of this process.
    let path: @Sendable (String) -> String
    /// Where images that are built are kept; nil for nowhere.
    let imagesFolder: String?
    let tools: Gate.Tools
    /// The manifest, or why it can't be read.
    let manifestRead: Swift.Result<Manifest, any Error>
    /// The same for the lock.
    let lockRead: Swift.Result<ImageBuilder.LockedRuntime, any Error>

    init(
        of runtime: GateSpec.Runtime, path: @escaping @Sendable (String) -> String, imagesFolder: String?,
        tools: Gate.Tools
    ) {
        (self.runtime, self.path, self.imagesFolder, self.tools) = (runtime, path, imagesFolder, tools)
        let (manifest, lock) = (path(runtime.manifest), path(runtime.lock))
        manifestRead = Swift.Result { try Manifest(text: try SmallFile.text(manifest), file: manifest) }
        lockRead = Swift.Result { try ImageBuilder.LockedRuntime(path: lock) }
    }

    /// An image to look at.
    struct Subject: Sendable {
        var path: String
        var identity: FileIdentity
    }

    /// A check, with the time that it took.
    static func timed(_ body: () async -> Result) async -> Result {
        let started = ContinuousClock.now
        var result = await body()
        result.seconds = ((started.duration(to: .now) / .milliseconds(10)).rounded()) / 100
        return result
    }

    /// A command that shows it here: words, as a shell takes them.
    func command(_ words: [String], _ more: [String] = []) -> String {
        (["rtverify"] + words + more).map(Spelling.shellWord).joined(separator: " ")
    }

    private var buildWords: [String] { ["build", "--lock", lockPath] }
    private var keyringWords: [String] { tools.keyrings.flatMap { ["--keyring", $0] } }
    var imageName: String {
        runtime.image.map(path) ?? (imagesFolder.map { "\($0)/" } ?? "") + "\(runtime.name).squashfs"
    }

    /// A command that looks at the image: where none is given or kept, after one that builds it.
    func commandOnImage(_ words: [String]) -> String {
        let look = command(words)
        if runtime.image != nil || imagesFolder != nil { return look }
        return command(buildWords + ["-o", imageName], tools.words.sources) + " && " + look
    }

    var manifestPath: String { path(runtime.manifest) }
    var lockPath: String { path(runtime.lock) }
    private var goldenPath: String { path(runtime.golden) }

    func builder(refusesPrivateKeys: Bool) -> ImageBuilder {
        ImageBuilder(
            store: tools.inputs.store, fetcher: tools.inputs.fetcher, programs: tools.inputs.programs, jobs: tools.jobs,
            refusesPrivateKeys: refusesPrivateKeys, events: tools.events)
    }

    /// A check of a given image that can't be read.
    func unreadable(_ check: Check, _ error: any Error) -> Result {
        Result(check, .undecided, "the image \(imageName) can't be read: \(Self.first(error))")
    }

    /// A check of an image that could not be built.
    func unreached(_ check: Check, _ error: any Error) -> Result {
        var result = Result(check, .undecided, "not reached: the image could not be built: \(Self.first(error))")
        result.details = Self.rest(error)
        result.command = command(buildWords, tools.words.sources)
        return result
    }

    /// An error's first line.
    static func first(_ error: any Error) -> String {
        "\(error)".split(separator: "\n").first.map(String.init) ?? "\(error)"
    }

    static func rest(_ error: any Error) -> [String] {
        // Of what a program printed, the end says why.
        "\(error)".split(separator: "\n").dropFirst().suffix(12).map(String.init)
    }

    func manifest() async -> Result {
        let command = command(["lock", "check", manifestPath, "-o", lockPath])
        do {
            let (manifest, lock) = (try manifestRead.get(), try lockRead.get())
            try await LockCheck.check(
                manifest, directory: Paths.parent(of: manifestPath), manifestPath: manifestPath, lock: lock.lock,
                lockPath: lockPath)
            return Result(.manifest, .yes, "the lock was made from the manifest as it is now")
        } catch { return failed(.manifest, error, command) }
    }

    func archives() async -> Result {
        let command = command(["lock", "verify", lockPath, "--fetch"] + keyringWords, tools.words.sources)
        do {
            let lock = try lockRead.get().lock
            let verification = LockVerification(
                store: tools.inputs.store, keyrings: tools.keyrings, programs: tools.inputs.programs)
            let fetcher = tools.inputs.fetcher
            try await verification.adoptOwnInputs(of: lock, path: lockPath, fetcher: fetcher)
            try await verification.fetchInputs(of: lock, fetcher: fetcher)
            try await tools.inputs.programs.fetchWheels(of: lock, fetcher: fetcher)
            let outcome = try await verification.verify(lock)
            var result = Result(
                .archives, .yes, "\(outcome.packages) packages and \(outcome.wheels) wheels follow from their archives")
            // As `lock verify` says it: a reviewer has to know these.
            result.details = outcome.warnings
            return result
        } catch { return failed(.archives, error, command) }
    }

    func failed(_ check: Check, _ error: any Error, _ command: String) -> Result {
        let isDecided = (error as? ResolutionError)?.isDecided ?? ((error as? BuildError)?.exitStatus == 1)
        var result = Result(check, isDecided ? .no : .undecided, Self.first(error))
        result.details = Self.rest(error)
        result.command = command
        return result
    }

    func golden(
        _ built: Subject, _ given: Swift.Result<Subject, any Error>?
    ) async -> Result {
        let command = command(buildWords + ["--golden", goldenPath], tools.words.sources)
        if case .failure(let error)? = given {
            return Result(.golden, .undecided, "the image \(imageName) can't be compared with it: \(Self.first(error))")
        }
        do {
            let lock = try lockRead.get()
            let found = GoldenFile(lockSHA256: lock.sha256.hex, identity: built.identity)
            let expected = try GoldenFile(path: goldenPath)
            guard expected.lockSHA256 == found.lockSHA256 else {
                var result = Result(.golden, .no, "\(goldenPath) is of another lock")
                (result.expected, result.found) = ("lock \(expected.lockSHA256)", "lock \(found.lockSHA256)")
                result.command = command
                return result
            }
            var result = Result(.golden, .yes, "sha256 \(found.sha256)")
            if !expected.isSameImage(as: found) {
                result = Result(.golden, .no, "the lock builds to other bytes")
                result.expected = "\(expected.size) bytes, sha256 \(expected.sha256), cid \(expected.cid)"
                result.found = "\(found.size) bytes, sha256 \(found.sha256), cid \(found.cid)"
                result.command = command
            }
            if case .success(let image)? = given, image.identity.sha256 != built.identity.sha256 {
                result = Result(.golden, .no, "the image \(imageName) is not what the lock builds to")
                (result.expected, result.found) = ("sha256 \(found.sha256)", "sha256 \(image.identity.sha256)")
                result.details = await differences(image.path, built.path, lock)
                result.command =
                    command + " -o rebuilt.squashfs; " + self.command(["compare", imageName, "rebuilt.squashfs"])
            }
            return result
        } catch { return failed(.golden, error, command) }
    }

    /// As `rtverify compare` says it: causes first.
    private func differences(_ a: String, _ b: String, _ lock: ImageBuilder.LockedRuntime) async -> [String] {
        do {
            let report = try await Examination.compare(a, b, options: .init(locks: [lock.text]))
            return report.summary.prefix(10).map { group in
                "\(group.count) by \(group.cause ?? "an unknown cause")\(group.package.map { " in \($0)" } ?? ""): "
                    + group.paths.prefix(3).joined(separator: ", ")
            }
        } catch { return ["they can't be compared: \(Self.first(error))"] }
    }

    func builds(_ built: Subject, _ isInMemory: Bool?) async -> Result {
        var words = buildWords + ["--check"]
        if runtime.builds != 2 { words += ["--builds", "\(runtime.builds)"] }
        if let vary = runtime.vary { words += ["--vary", vary.joined(separator: ",")] }
        let command = command(words, tools.words.sources)
        do {
            let variations = try runtime.vary.map(Variation.list)
            let check = ReproducibilityCheck(
                builder: builder(refusesPrivateKeys: false), runtime: try lockRead.get(), builds: runtime.builds,
                variations: variations,
                clock: { [tools] in
                    try await IndexedPackage.otherClock(
                        of: $0, store: tools.inputs.store, fetcher: tools.inputs.fetcher)
                }, keepFolder: nil, events: tools.events)
            let report = try await check.run(first: (built.identity, built.path, isInMemory)).report
            let varied = report.varied.map(\.rawValue).joined(separator: ", ")
            let missing = report.notVaried.sorted { $0.key < $1.key }.map { "not varied: \($0.key) (\($0.value))" }
            guard !report.reproducible else {
                var result = Result(.builds, .yes, "\(report.builds) builds are the same bytes; varied: \(varied)")
                result.details = report.notes + missing
                return result
            }
            var result = Result(.builds, .no, "builds differ; varied: \(varied)")
            result.expected = "sha256 \(built.identity.sha256)"
            result.details = report.culprits.flatMap(\.lines) + report.failures + report.notes + missing
            result.command = command
            return result
        } catch { return failed(.builds, error, command) }
    }

    /// Why the contract isn't asked; nil where it is.
    var contractObstacle: String? {
        guard case .success(let lock) = lockRead else { return nil }
        if lock.lock.system == .empty { return "a volume is no runtime" }
        return !lock.lock.contents.files.contains { $0.target == InitScript.path }
            ? "the manifest gives it no init" : nil
    }

    /// What an image as it is has to say: `audit`, `contract`, `programs` or `published`.
    func look(_ check: Check, _ subject: Subject) async -> Result {
        switch check {
        case .published: await published(subject)
        case .programs: await programs(subject)
        default: await audit(check, subject)
        }
    }

    private func audit(_ check: Check, _ subject: Subject) async -> Result {
        let command = commandOnImage(
            ["audit"] + (check == .contract ? ["--runtime"] : []) + ["--lock", lockPath, imageName])
        do {
            // An image without a readable lock has nothing that is allowed.
            let lock = try? lockRead.get().lock
            let report = try await Examination.audit(
                subject.path,
                options: .init(
                    allowed: lock?.contents.allowed ?? [], sourceDateEpoch: lock?.sourceDateEpoch,
                    builderWords: HostTraces.words(environment: tools.environment),
                    looksFor: check == .contract ? .contract : .everything))
            guard !report.findings.isEmpty else {
                let allowed = report.allowed.isEmpty ? "" : ", \(report.allowed.count) findings are allowed"
                return Result(
                    check, .yes,
                    check == .contract ? "it is what a supervisor expects" : "\(report.entries) entries\(allowed)")
            }
            let names = Set(report.findings.map(\.finding)).sorted().joined(separator: ", ")
            var result = Result(check, .no, "\(report.findings.count) findings: \(names)")
            result.details = report.findings.prefix(20).map {
                "\($0.path): \($0.finding)" + ($0.detail.isEmpty ? "" : " (\($0.detail))")
            }
            if report.findings.count > 20 { result.details.append("and \(report.findings.count - 20) more") }
            result.command = command
            return result
        } catch { return failed(check, error, command) }
    }
}
