import AlephNetwork
import ContentHash
import Glibc
import Host
import ImageBuild
import ImageComparison
import InputStore
import PackageResolution
import RootfsBuild
import RuntimeSpec
import Synchronization

/// The checks of one runtime.
struct RuntimeGate: Sendable {
    typealias Check = GateSpec.Check
    typealias Result = GateReport.Result

    let runtime: GateSpec.Runtime
    let asked: Set<Check>
    /// From a path of the gate's file to one of this process.
    let path: @Sendable (String) -> String
    let imagesFolder: String?
    let tools: Gate.Tools

    /// A command that shows it here: words, as a shell takes them.
    private func command(_ words: [String], _ more: [String] = []) -> String {
        (["rtverify"] + words + more).map(Spelling.shellWord).joined(separator: " ")
    }

    private var buildWords: [String] { ["build", "--lock", lockPath] }
    private var keyringWords: [String] { tools.keyrings.flatMap { ["--keyring", $0] } }
    private var imageName: String {
        runtime.image.map(path) ?? (imagesFolder.map { "\($0)/" } ?? "") + "\(runtime.name).squashfs"
    }

    /// A command that looks at the image: where none is given or kept, after one that builds it.
    private func commandOnImage(_ words: [String]) -> String {
        let look = command(words)
        if runtime.image != nil || imagesFolder != nil { return look }
        return command(buildWords + ["-o", imageName], tools.sourceWords) + " && " + look
    }

    private var manifestPath: String { path(runtime.manifest) }
    private var lockPath: String { path(runtime.lock) }
    private var goldenPath: String { path(runtime.golden) }

    /// The manifest and the lock as far as they could be read, and why not further.
    private struct Inputs: Sendable {
        var manifest: Swift.Result<Manifest, any Error>
        var lock: Swift.Result<ImageBuilder.LockedRuntime, any Error>
    }

    /// An image to look at.
    private struct Subject: Sendable {
        var path: String
        var identity: FileIdentity
    }

    /// What is found, by whichever task.
    private final class Record: Sendable {
        let results = Mutex<[Check: Result]>([:])
        let image = Mutex<GateReport.Image?>(nil)
        let failures = Mutex<[String]>([])
        let isInMemory = Mutex<Bool?>(nil)
    }

    func run() async -> GateReport.Runtime {
        let inputs = Inputs(
            manifest: Swift.Result { try Manifest(text: try SmallFile.text(manifestPath), file: manifestPath) },
            lock: Swift.Result { try ImageBuilder.LockedRuntime(path: lockPath) })
        let record = Record()
        @Sendable func add(_ result: Result) { record.results.withLock { $0[result.check] = result } }
        for check in Check.allCases {
            if let reason = runtime.skip[check] { add(Result(check, .leftOut, reason)) }
        }
        @Sendable func wants(_ check: Check) -> Bool { asked.contains(check) && runtime.skip[check] == nil }

        if wants(.manifest) { add(await timed { await checkManifest(inputs) }) }
        if wants(.archives) { add(await timed { await checkArchives(inputs) }) }
        let given = await givenImage()
        if case .success(let subject?)? = given {
            record.image.withLock { $0 = Self.describe(subject, path: runtime.image) }
        }
        let look = [Check.audit, .contract, .published].filter(wants)
        let build = [Check.golden, .builds].filter(wants) + (given == nil ? look : [])
        // A contract that can't be asked for needs no image.
        let leftOut = contractObstacle(inputs)
        if let leftOut, wants(.contract) { add(Result(.contract, .leftOut, leftOut)) }
        let needed = build.filter { $0 != .contract || leftOut == nil }
        if !needed.isEmpty {
            await withBuilt(inputs, checksKeys: !wants(.audit), record) { built in
                switch built {
                case .success(let subject):
                    if given == nil { keep(subject, record) }
                    if wants(.golden) { add(await timed { await checkGolden(inputs, subject, given) }) }
                    if wants(.builds) {
                        add(await timed { await checkBuilds(inputs, subject, record.isInMemory.withLock { $0 }) })
                    }
                    if given == nil { for result in await self.look(look, leftOut, inputs, subject) { add(result) } }
                case .failure(let error):
                    for check in needed { add(unreached(check, error)) }
                    // `undecided = "warn"` passes over what a look left open, not that there was nothing to look at.
                    if needed.allSatisfy({ $0 == .audit || $0 == .contract }) {
                        record.failures.withLock { $0.append("\(runtime.name): \(Self.first(error))") }
                    }
                }
            }
        }
        switch given {
        case .success(let subject?)?: for result in await self.look(look, leftOut, inputs, subject) { add(result) }
        case .success(nil)?, nil: break
        case .failure(let error)?:
            // It is an argument that can't be read: never passed over.
            record.failures.withLock { $0.append("\(error)") }
            for check in look where check != .contract || leftOut == nil {
                add(Result(check, .undecided, "the image \(imageName) can't be read: \(Self.first(error))"))
            }
        }
        // Whatever the way here: what was asked has an answer, and none is never yes.
        for check in asked where runtime.skip[check] == nil && record.results.withLock({ $0[check] }) == nil {
            add(Result(check, .undecided, "not reached"))
        }
        let newer = await newerVersions(inputs)
        return GateReport.Runtime(
            name: runtime.name, manifest: manifestPath, lock: lockPath,
            checks: Check.allCases.compactMap { check in record.results.withLock { $0[check] } },
            image: record.image.withLock { $0 }, newer: newer.found, note: newer.reason,
            failures: record.failures.withLock { $0 })
    }

    private func timed(_ body: () async -> Result) async -> Result {
        let started = ContinuousClock.now
        var result = await body()
        result.seconds = ((started.duration(to: .now) / .milliseconds(10)).rounded()) / 100
        return result
    }

    private static func describe(_ subject: Subject, path: String?) -> GateReport.Image {
        .init(
            path: path, size: subject.identity.size, sha256: subject.identity.sha256.hex,
            cid: subject.identity.cid(.v0_2015)?.description ?? "")
    }

    /// Notes an image that was built, copied where it is to be kept.
    private func keep(_ subject: Subject, _ record: Record) {
        var kept = imagesFolder.map { "\($0)/\(runtime.name).squashfs" }
        do { if let kept { try AtomicFile.copy(subject.path, to: kept) } } catch {
            record.failures.withLock { $0.append("\(error)") }
            kept = nil
        }
        record.image.withLock { [kept] in $0 = Self.describe(subject, path: kept) }
    }

    /// nil where none is given.
    private func givenImage() async -> Swift.Result<Subject?, any Error>? {
        guard let image = runtime.image else { return nil }
        let path = path(image)
        do {
            let identity = try await onThread { try FileIdentity(path: path, profiles: UnixFSProfile.known) }
            return .success(Subject(path: path, identity: identity))
        } catch { return .failure(error) }
    }

    /// Builds once for all that looks at the image.
    /// - Parameter checksKeys: Whether an image with private keys is none; else the audit looks for them.
    private func withBuilt(
        _ inputs: Inputs, checksKeys: Bool, _ record: Record,
        _ use: @escaping @Sendable (Swift.Result<Subject, any Error>) async -> Void
    ) async {
        do {
            let lock = try inputs.lock.get()
            let observe: EventSink = { event in
                if case .tree(let isInMemory) = event { record.isInMemory.withLock { $0 = isInMemory } }
            }
            try await builder(checksKeys: checksKeys).rebuild(lock, observe: observe) { identity, path in
                await use(.success(Subject(path: path, identity: identity)))
            }
        } catch {
            await use(.failure(error))
        }
    }

    private func builder(checksKeys: Bool) -> ImageBuilder {
        ImageBuilder(
            store: tools.store, fetcher: tools.fetcher, sandbox: tools.sandbox, jobs: tools.jobs,
            refusesPrivateKeys: checksKeys, events: tools.events)
    }

    private func unreached(_ check: Check, _ error: any Error) -> Result {
        var result = Result(check, .undecided, "not reached: the image could not be built: \(Self.first(error))")
        result.details = Self.rest(error)
        result.command = command(buildWords, tools.sourceWords)
        return result
    }

    private static func first(_ error: any Error) -> String {
        "\(error)".split(separator: "\n").first.map(String.init) ?? "\(error)"
    }

    private static func rest(_ error: any Error) -> [String] {
        // Of what a program printed, the end says why.
        "\(error)".split(separator: "\n").dropFirst().suffix(12).map(String.init)
    }

    // MARK: the checks

    private func checkManifest(_ inputs: Inputs) async -> Result {
        let command = command(["lock", "--check", manifestPath, "-o", lockPath])
        do {
            let (manifest, lock) = (try inputs.manifest.get(), try inputs.lock.get())
            try await LockCheck.check(
                manifest, directory: Paths.parent(of: manifestPath), manifestPath: manifestPath, lock: lock.lock,
                lockPath: lockPath)
            return Result(.manifest, .yes, "the lock was made from the manifest as it is now")
        } catch { return failed(.manifest, error, command) }
    }

    private func checkArchives(_ inputs: Inputs) async -> Result {
        let command = command(["lock", "--verify", lockPath, "--fetch"] + keyringWords, tools.sourceWords)
        do {
            let lock = try inputs.lock.get().lock
            let verification = LockVerification(store: tools.store, keyrings: tools.keyrings, sandbox: tools.sandbox)
            try await verification.fetchInputs(of: lock, fetcher: tools.fetcher)
            try await tools.sandbox.fetchWheels(of: lock)
            let outcome = try await verification.verify(lock)
            var result = Result(
                .archives, .yes, "\(outcome.packages) packages and \(outcome.wheels) wheels follow from their archives")
            // As `lock --verify` says it: a reviewer has to know these.
            result.details = outcome.warnings
            return result
        } catch { return failed(.archives, error, command) }
    }

    private func failed(_ check: Check, _ error: any Error, _ command: String) -> Result {
        let isDecided = (error as? ResolutionError)?.isDecided ?? ((error as? BuildError)?.exitStatus == 1)
        var result = Result(check, isDecided ? .no : .undecided, Self.first(error))
        result.details = Self.rest(error)
        result.command = command
        return result
    }

    private func checkGolden(
        _ inputs: Inputs, _ built: Subject, _ given: Swift.Result<Subject?, any Error>?
    ) async -> Result {
        let command = command(buildWords + ["--golden", goldenPath], tools.sourceWords)
        if case .failure(let error)? = given {
            return Result(.golden, .undecided, "the image \(imageName) can't be compared with it: \(Self.first(error))")
        }
        do {
            let lock = try inputs.lock.get()
            let found = GoldenFile(lockSHA256: lock.sha256.hex, identity: built.identity)
            let expected: GoldenFile
            do {
                expected = try JSONText.decode(GoldenFile.self, from: try SmallFile.bytes(goldenPath, limit: 1 << 20))
            } catch let error as SystemError {
                throw error
            } catch { throw FileError.notText("\(goldenPath) is no golden file: it") }
            guard expected.lock_sha256 == found.lock_sha256 else {
                var result = Result(.golden, .no, "\(goldenPath) is of another lock")
                (result.expected, result.found) = ("lock \(expected.lock_sha256)", "lock \(found.lock_sha256)")
                result.command = command
                return result
            }
            var result = Result(.golden, .yes, "sha256 \(found.sha256)")
            if expected != found {
                result = Result(.golden, .no, "the lock builds to other bytes")
                result.expected = "\(expected.size) bytes, sha256 \(expected.sha256), cid \(expected.cid)"
                result.found = "\(found.size) bytes, sha256 \(found.sha256), cid \(found.cid)"
                result.command = command
            }
            if case .success(let image?)? = given, image.identity.sha256 != built.identity.sha256 {
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
            let report = try await ExaminationProcess.compare(a, b, options: .init(lock: lock.text))
            return report.summary.prefix(10).map { group in
                "\(group.count) by \(group.cause ?? "an unknown cause") in \(group.package ?? "no package"): "
                    + group.paths.prefix(3).joined(separator: ", ")
            }
        } catch { return ["they can't be compared: \(Self.first(error))"] }
    }

    private func checkBuilds(_ inputs: Inputs, _ built: Subject, _ isInMemory: Bool?) async -> Result {
        var words = buildWords + ["--check"]
        if runtime.builds != 2 { words += ["--builds", "\(runtime.builds)"] }
        if let vary = runtime.vary { words += ["--vary", vary.joined(separator: ",")] }
        let command = command(words, tools.sourceWords)
        do {
            let variations = try runtime.vary.map(Variation.list)
            let check = ReproducibilityCheck(
                builder: builder(checksKeys: false), runtime: try inputs.lock.get(), builds: runtime.builds,
                variations: variations,
                keepFolder: nil, events: tools.events)
            let report = try await check.run(first: (built.identity, built.path, isInMemory)).report
            let varied = report.varied.map(\.rawValue).joined(separator: ", ")
            let missing = report.not_varied.sorted { $0.key < $1.key }.map { "not varied: \($0.key) (\($0.value))" }
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
    private func contractObstacle(_ inputs: Inputs) -> String? {
        guard case .success(let lock) = inputs.lock else { return nil }
        if lock.lock.system == .empty { return "a volume is no runtime" }
        return lock.lock.initProgram == nil && !lock.lock.files.contains { $0.target == "/sbin/init" }
            ? "the manifest gives it no init" : nil
    }

    /// What is looked at in an image.
    private func look(_ checks: [Check], _ leftOut: String?, _ inputs: Inputs, _ subject: Subject) async -> [Result] {
        var results: [Result] = []
        if checks.contains(.audit) { results.append(await timed { await audit(.audit, inputs, subject) }) }
        if checks.contains(.contract), leftOut == nil {
            results.append(await timed { await audit(.contract, inputs, subject) })
        }
        if checks.contains(.published) { results.append(await timed { await checkPublished(subject) }) }
        return results
    }

    private func audit(_ check: Check, _ inputs: Inputs, _ subject: Subject) async -> Result {
        let command = commandOnImage(
            ["audit"] + (check == .contract ? ["--runtime"] : []) + ["--lock", lockPath, imageName])
        do {
            // An image without a readable lock has nothing that is allowed.
            let lock = try? inputs.lock.get().lock
            let report = try await ExaminationProcess.audit(
                subject.path,
                options: .init(
                    allowed: lock?.allowed ?? [], sourceDateEpoch: lock?.sourceDateEpoch,
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

    private func checkPublished(_ subject: Subject) async -> Result {
        var words = ["verify", imageName]
        let claim: ContentClaim
        if let hash = runtime.contentHash {
            claim = .contentHash(hash)
            words += ["--content-hash", hash]
        } else if let hash = runtime.itemHash {
            guard tools.isOnline else { return Result(.published, .undecided, "the network was not asked (--offline)") }
            var demands = MessageChain.Demands()
            demands.pins = PublisherPins(senders: runtime.senders, owners: runtime.owners)
            demands.latest = runtime.latest
            claim = await MessageChain(nodes: tools.nodes, demands: demands, saved: nil).follow(hash)
            words += ["--item-hash", hash] + runtime.senders.flatMap { ["--sender", $0] }
            words +=
                runtime.owners.flatMap { ["--owner", $0] } + (runtime.latest ? ["--latest"] : []) + tools.nodeWords
        } else {
            return Result(.published, .undecided, "the gate's file has neither item-hash nor content-hash for it")
        }
        let profiles = claim.file?.name.profiles ?? []
        let identity = try? await onThread { try FileIdentity(path: subject.path, profiles: profiles) }
        let verdict = ImageVerdict(claim, identity: identity)
        let word: GateReport.Verdict =
            switch verdict.verdict {
            case .match: .yes
            case .mismatch: .no
            case .undecided: .undecided
            }
        let open = verdict.links.filter { $0.mark == .no || $0.mark == .open }.map { "\($0.name): \($0.text)" }
        var result = Result(.published, word, word == .yes ? "the item names these bytes" : open.first ?? "undecided")
        if word != .yes {
            result.expected = claim.file?.description
            result.found = "sha256 \(subject.identity.sha256)"
            result.details = Array(open.dropFirst())
            result.command = commandOnImage(words)
        }
        return result
    }

    // MARK: the note

    private func newerVersions(_ inputs: Inputs) async -> (found: NewerVersions?, reason: String?) {
        guard case .success(let lock) = inputs.lock, !lock.lock.packages.isEmpty else { return (nil, nil) }
        guard tools.isOnline else { return (nil, "whether there are newer versions was not asked (--offline)") }
        do {
            return (
                try await NewerVersions.look(
                    at: lock.lock, store: tools.store, fetcher: tools.fetcher, keyrings: tools.keyrings), nil
            )
        } catch { return (nil, "whether there are newer versions is unknown: \(Self.first(error))") }
    }
}
