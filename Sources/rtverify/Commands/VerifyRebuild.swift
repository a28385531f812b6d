import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import InputStore
import Mirrors
import PackageResolution
import RuntimeSpec

/// Rebuilds an image by what its message says: a stranger's lock, of which nothing runs with a network.
struct NetworkRebuild {
    /// What came of it.
    struct Result {
        var comparison: RebuildComparison
        var lockSHA256: Digest
        /// What `lock verify` says of the lock: true it follows, false it doesn't, nil it can't be told.
        var isLockVerified: Bool?
        /// For people: that answer, and what the lock has of its maker's own.
        var lines: [String]
    }

    private struct Contradiction: DecidedError {
        let description: String
        var isDecided: Bool { true }
    }

    let nodes: NodeSet
    let requiresSignature: Bool
    let timeout: Int
    let downloadTimeout: Int
    /// Whether root may run what the lock has.
    let mayRunAsRoot: Bool
    let display: ProgressDisplay

    /// - Parameters:
    ///   - source: What the verified message names.
    ///   - inputs: A store, with nothing behind it that could reach a network.
    ///   - image: The file with that identity, to say what differs; nil where there is none.
    /// - Throws: `ValidationError` as root without a word, `DecidedError` where the message contradicts itself.
    func run(
        _ source: RebuildSource, identity: FileIdentity, image: String?, inputs: SourceOptions.Inputs
    ) async throws -> Result {
        let bundle = try await bundle(source)
        guard bundle.root == source.inputsCID else {
            throw Contradiction(
                description: "the bundle's root is \(bundle.root), and the message says \(source.inputsCID)")
        }
        let runtime = ImageBuilder.LockedRuntime(text: bundle.lockText, lock: bundle.lock, path: "\(Bundle.lockName)")
        guard runtime.sha256 == source.lockSHA256, bundle.lock.format.recipe == source.recipe else {
            throw Contradiction(
                description:
                    "the bundle's lock is \(runtime.sha256) (recipe \(bundle.lock.format.recipe)), and the message says "
                    + "\(source.lockSHA256) (recipe \(source.recipe))")
        }
        let own = Self.own(of: bundle.lock)
        display.finish()
        // Said whatever else isn't (--quiet): it is about to run.
        for line in ["This lock is a stranger's. Building it runs, without a network:"] + own.map({ "  \($0)" }) {
            printError(line)
        }
        if geteuid() == 0, !mayRunAsRoot {
            throw ValidationError(
                "Nothing was run: as root, say --yes to build a stranger's lock, or do it as a user, whose rights it then has."
            )
        }
        display.report(.phase(name: "import the bundle", total: 0))
        _ = try await interruptible { try bundle.take(into: inputs.store, isOver: $0) }
        let (isVerified, answer) = try await verify(bundle.lock, inputs)
        let builder = ImageBuilder(
            store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs, jobs: processorCount,
            events: display.report)
        let comparison = try await Interruption.cancelling {
            try await RebuildComparison(of: runtime, with: identity, image: image, builder: builder)
        }
        return Result(
            comparison: comparison, lockSHA256: runtime.sha256, isLockVerified: isVerified, lines: answer + own)
    }

    /// The bundle that a STORE message of its own publishes.
    private func bundle(_ source: RebuildSource) async throws -> BundleImport {
        var demands = MessageChain.Demands()
        demands.signature = requiresSignature
        let claim = await MessageChain(nodes: nodes, demands: demands).follow(source.inputs.description)
        guard claim.isProven, let file = claim.file else {
            let reason = claim.links.last { $0.mark == .open || $0.mark == .no }.map { "\($0.name): \($0.text)" } ?? ""
            throw MessageError.unavailable("the inputs' message \(source.inputs) is not proven: \(reason)")
        }
        var reasons: [String] = []
        for url in nodes.urls(of: file) {
            let remote = RemoteFile(
                url: url, timeout: timeout, environment: environmentValue, events: display.report)
            do {
                let spool = try AtomicFile(directory: temporaryDirectory)
                let limit = Folder.freeSpace(at: temporaryDirectory)
                try await Interruption.cancelling {
                    try await withDeadline(seconds: downloadTimeout) {
                        try await remote.download(into: spool, limit: limit)
                    }
                }
                let name = RemoteFile.shown(url)
                let found = try await onThread {
                    _ = lseek(spool.descriptor, 0, SEEK_SET)
                    return try FileIdentity(descriptor: spool.descriptor, name: name, profiles: file.name.profiles)
                }
                guard case .same = file.name.answer(for: found) else {
                    reasons.append("\(name): other bytes than the message names")
                    continue
                }
                return try BundleImport(spool, name: name)
            } catch let error where error is Interrupted || error is BundleError || error is SpecError {
                throw error
            } catch is DeadlineExceeded {
                reasons.append("\(RemoteFile.shown(url)): not whole after \(downloadTimeout) s (--image-timeout)")
            } catch { reasons.append("\(error)") }
        }
        throw MessageError.unavailable("the inputs can't be had: \(reasons.joined(separator: "; "))")
    }

    private func verify(
        _ lock: Lockfile, _ inputs: SourceOptions.Inputs
    ) async throws -> (isVerified: Bool?, lines: [String]) {
        display.report(.phase(name: "verify the lock", total: 0))
        let verification = LockVerification(store: inputs.store, keyrings: [], programs: inputs.programs)
        do {
            try await verification.adoptOwnInputs(of: lock, path: Bundle.lockName, fetcher: nil)
            let outcome = try await verification.verify(lock)
            let wheels = outcome.wheels > 0 ? ", and \(outcome.wheels) wheels are what pip chooses" : ""
            let line =
                "lock verify: \(outcome.packages) packages follow from \(outcome.archives) signed archives\(wheels)"
            return (true, [line] + outcome.warnings)
        } catch let error as ResolutionError where error.isDecided {
            return (false, ["lock verify: \(error)"])
        } catch {
            return (nil, ["lock verify can't tell: \(error)"])
        }
    }

    /// What a lock's build runs, and what no archive signs of it.
    private static func own(of lock: Lockfile) -> [String] {
        let own = lock.packages.filter { $0.archive == nil }
        let packages = lock.packages.count - own.count + (lock.alpine?.packages.count ?? 0)
        let sources = lock.archives.map(\.shown) + (lock.alpine?.repositories.compactMap(\.url) ?? [])
        var lines = [
            "the scripts of \(packages) packages, and \(lock.tools.count) packages of tools"
                + (sources.isEmpty ? "" : ", of \(sources.joined(separator: ", "))")
        ]
        lines += own.map {
            "the scripts of its maker's own package \($0.name) \($0.version) (sha256 \($0.file.sha256))"
        }
        if let wheels = lock.python?.wheels.count, wheels > 0 {
            lines.append("pip, for \(wheels) wheels of the bundle")
        }
        for step in lock.contents.steps {
            let text = step.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            lines.append("step: \(text.first ?? "")")
            lines += text.dropFirst().map { "      \($0)" }
        }
        // Own packages are above.
        let named = Set(own.map(\.file.sha256))
        for input in lock.manifestInputs where !named.contains(input.sha256) {
            lines.append("its maker's own: \(input.path) (sha256 \(input.sha256))")
        }
        for tree in lock.contents.trees { lines.append("its maker's own folder: \(tree.list.path)") }
        return lines.map { TerminalText.safe($0) }
    }
}
