import ContentHash
import Host
import PackageResolution
import RuntimeSpec
import Synchronization

/// One runtime's checks, in an order in which nothing is made twice: what needs no image, then one build for all that looks at
/// what it made.
struct RuntimeGate: Sendable {
    private typealias Check = GateSpec.Check
    private typealias Result = GateReport.Result
    private typealias Subject = RuntimeChecks.Subject

    private let runtime: GateSpec.Runtime
    private let asked: Set<GateSpec.Check>
    /// Where images that are built are kept; nil for nowhere.
    private let imagesFolder: String?
    private let tools: Gate.Tools
    private let checks: RuntimeChecks
    /// Why a contract isn't asked; nil where it is.
    private let contractObstacle: String?

    /// - Parameter path: From a path of the gate's file to one of this process.
    init(
        runtime: GateSpec.Runtime, asked: Set<GateSpec.Check>, path: @escaping @Sendable (String) -> String,
        imagesFolder: String?, tools: Gate.Tools
    ) {
        (self.runtime, self.asked, self.imagesFolder, self.tools) = (runtime, asked, imagesFolder, tools)
        checks = RuntimeChecks(of: runtime, path: path, imagesFolder: imagesFolder, tools: tools)
        contractObstacle = checks.contractObstacle
    }

    /// What is found, by whichever task.
    private final class Findings: Sendable {
        private let results = Mutex<[Check: Result]>([:])
        private let image = Mutex<GateReport.Image?>(nil)
        private let failures = Mutex<[String]>([])

        func add(_ result: Result) { results.withLock { $0[result.check] = result } }
        func add(failure: String) { failures.withLock { $0.append(failure) } }

        func add(_ subject: Subject, path: String?) {
            let found = GateReport.Image(
                path: path, size: subject.identity.size, sha256: subject.identity.sha256.hex,
                cid: subject.identity.cid(.v0_2015)?.description ?? "")
            image.withLock { $0 = found }
        }

        func has(_ check: Check) -> Bool { results.withLock { $0[check] != nil } }

        func report(
            of runtime: GateSpec.Runtime, _ checks: RuntimeChecks, newer: (found: NewerVersions?, reason: String?)
        ) -> GateReport.Runtime {
            GateReport.Runtime(
                name: runtime.name, manifest: checks.manifestPath, lock: checks.lockPath,
                checks: Check.allCases.compactMap { check in results.withLock { $0[check] } },
                image: image.withLock { $0 }, newer: newer.found, note: newer.reason,
                failures: failures.withLock { $0 })
        }
    }

    func run() async -> GateReport.Runtime {
        let found = Findings()
        for (check, reason) in runtime.skip { found.add(Result(check, .leftOut, reason)) }
        if let contractObstacle, isAsked(.contract) { found.add(Result(.contract, .leftOut, contractObstacle)) }
        if wants(.manifest) { found.add(await RuntimeChecks.timed { await checks.manifest() }) }
        if wants(.archives) { found.add(await RuntimeChecks.timed { await checks.archives() }) }
        let given = await givenImage()
        await build(given, found)
        switch given {
        case .success(let subject)?: await look(subject, found)
        case .failure(let error)?:
            // It is an argument that can't be read: never passed over.
            found.add(failure: "\(error)")
            for check in looks { found.add(checks.unreadable(check, error)) }
        case nil: break
        }
        // Whatever the way here: what was asked has an answer, and none is never yes.
        for check in asked where !found.has(check) { found.add(Result(check, .undecided, "not reached")) }
        return found.report(of: runtime, checks, newer: await checks.newerVersions())
    }

    private func isAsked(_ check: Check) -> Bool { asked.contains(check) && runtime.skip[check] == nil }

    /// A contract that can't be asked for needs no image.
    private func wants(_ check: Check) -> Bool {
        isAsked(check) && (check != .contract || contractObstacle == nil)
    }

    /// The checks of an image as it is.
    private var looks: [Check] { [.audit, .contract, .programs, .published].filter(wants) }

    private func look(_ subject: Subject, _ found: Findings) async {
        for check in looks { found.add(await RuntimeChecks.timed { await checks.look(check, subject) }) }
    }

    /// nil where none is given.
    private func givenImage() async -> Swift.Result<Subject, any Error>? {
        guard let image = runtime.image else { return nil }
        let path = checks.path(image)
        do {
            let identity = try await onThread { try FileIdentity(path: path, profiles: UnixFSProfile.known) }
            return .success(Subject(path: path, identity: identity))
        } catch { return .failure(error) }
    }

    /// Builds once, where a check needs it, and asks what can be asked while the image is there.
    private func build(_ given: Swift.Result<Subject, any Error>?, _ found: Findings) async {
        if case .success(let subject)? = given { found.add(subject, path: runtime.image) }
        let needed = [.golden, .builds].filter(wants) + (given == nil ? looks : [])
        guard !needed.isEmpty else { return }
        let isInMemory = Mutex<Bool?>(nil)
        let observe: EventSink = { event in
            if case .tree(let value) = event { isInMemory.withLock { $0 = value } }
        }
        do {
            // Where nobody looks for private keys, an image with some is none.
            let builder = checks.builder(refusesPrivateKeys: !wants(.audit))
            try await builder.rebuild(try checks.lockRead.get(), observe: observe) { identity, path in
                let subject = Subject(path: path, identity: identity)
                if given == nil { keep(subject, found) }
                if wants(.golden) { found.add(await RuntimeChecks.timed { await checks.golden(subject, given) }) }
                if wants(.builds) {
                    let place = isInMemory.withLock { $0 }
                    found.add(await RuntimeChecks.timed { await checks.builds(subject, place) })
                }
                if given == nil { await look(subject, found) }
            }
        } catch {
            for check in needed { found.add(checks.unreached(check, error)) }
            // `undecided = "warn"` passes over what a look left open, not that there was nothing to look at.
            if needed.allSatisfy({ $0 == .audit || $0 == .contract }) {
                found.add(failure: "\(runtime.name): \(RuntimeChecks.first(error))")
            }
        }
    }

    /// Notes an image that was built, copied where it is to be kept.
    private func keep(_ subject: Subject, _ found: Findings) {
        guard let imagesFolder else { return found.add(subject, path: nil) }
        let kept = "\(imagesFolder)/\(runtime.name).squashfs"
        do {
            try AtomicFile.copy(subject.path, to: kept)
            found.add(subject, path: kept)
        } catch {
            found.add(failure: "\(error)")
            found.add(subject, path: nil)
        }
    }
}
