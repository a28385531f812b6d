import ContentHash
import RuntimeSpec
import XCTest

/// The agent in a manifest and in a lock.
final class AgentTests: XCTestCase {
    private static let debian = """
        [runtime]
        name = "test"
        [base]
        system = "debian"
        release = "bookworm"

        """

    private func manifest(_ more: String) throws -> Manifest {
        try Manifest(text: Self.debian + more, file: "runtime.toml")
    }

    private func failure(_ more: String) -> String {
        do {
            _ = try manifest(more)
            return ""
        } catch { return "\(error)" }
    }

    func testAnAgentIsAskedForInTheManifest() throws {
        XCTAssertEqual(try manifest("[init]\nagent = true").initProgram, .agent)
        XCTAssertEqual(try manifest("[init]\nagent = false").initProgram, .console)
        XCTAssertEqual(try manifest("[init]\nagent = false\ncommand = \"x\"").initProgram, .command("x"))
        let both = failure("[init]\nagent = true\ncommand = \"x\"")
        XCTAssertTrue(both.contains("nothing would start the command"), both)
        XCTAssertTrue(failure("[init]\nagent = 1").contains("agent"), "a number is no answer")
        let file = "\n[[file]]\nsource = \"a\"\ntarget = \"/usr/lib/rtverify/agent\""
        XCTAssertTrue(failure("[init]\nagent = true" + file).contains("/usr/lib/rtverify"))
        XCTAssertEqual(failure("[init]" + file), "")
        XCTAssertTrue(failure("[init]\nagent = true\n[prune]\npaths = [\"/usr/lib\"]").contains("/usr/lib/rtverify"))
    }

    private func lock(_ agent: Lockfile.Agent?, _ program: InitProgram = .agent, version: Int? = nil) -> Lockfile {
        func package(_ name: String) -> Lockfile.Package {
            Lockfile.Package(
                archive: "bookworm", name: name, version: "1", architecture: "amd64",
                file: .init(path: "pool/\(name).deb", size: 1, sha256: .of(Array(name.utf8))), stage: 0)
        }
        let index = Lockfile.Input(path: "main/binary-amd64/Packages.xz", size: 1, sha256: .of([1]))
        return Lockfile(
            format: version.map { .init(version: $0) }, manifestSHA256: .of([2]), sourceDateEpoch: 1, name: "test",
            base: .tarball(.init(path: "base.tar", size: 1, sha256: .of([3]))),
            contents: .init(files: [.init(InitScript(program))], agent: agent, image: ImageOptions()),
            archives: [
                .init(
                    name: "bookworm", suite: "bookworm", components: ["main"], snapshot: "20260101T000000Z",
                    inRelease: .init(path: "dists/bookworm/InRelease", size: 1, sha256: .of([4])),
                    keys: [String(repeating: "A", count: 40)], indexes: [index])
            ], toolchain: [package("squashfs-tools-ng")])
    }

    private func agent(_ names: [String]) -> Lockfile.Agent {
        .init(
            sources: AgentSources.inputs,
            compiler: names.map {
                Lockfile.Package(
                    archive: "bookworm", name: $0, version: "1", architecture: "amd64",
                    file: .init(path: "pool/\($0).deb", size: 1, sha256: .of(Array($0.utf8))), stage: 0)
            })
    }

    func testALockWithAnAgentIsOfFormat3AndReadAgain() throws {
        let lock = lock(agent(["musl-dev", "tcc"]))
        XCTAssertEqual(lock.format.version, 3)
        XCTAssertEqual(try Lockfile(text: lock.text, file: "test.lock"), lock)
        XCTAssertEqual(lock.tools.map(\.name), ["squashfs-tools-ng", "musl-dev", "tcc"])
        XCTAssertTrue(Set(AgentSources.inputs.map(\.sha256)).isSubset(of: lock.inputs.map(\.sha256)))
        // What has none stays what older releases read.
        XCTAssertEqual(self.lock(nil, .console).format.version, 2)
    }

    func testAnAgentIsWholeOrNone() {
        func failure(_ lock: Lockfile) -> String {
            do {
                _ = try Lockfile(text: lock.text, file: "test.lock")
                return ""
            } catch { return "\(error)" }
        }
        XCTAssertTrue(failure(lock(nil)).contains("lists no source"))
        XCTAssertTrue(failure(lock(agent(["tcc"]))).contains("lacks musl-dev"))
        XCTAssertTrue(failure(lock(agent(["tcc", "musl-dev"]), .console)).contains("no init that starts it"))
        XCTAssertTrue(failure(lock(agent(["tcc", "musl-dev"]), version: 2)).contains("comes with 3"))
    }

    /// What a lock was made with must be had for as long as its format is read: another agent is another set of files, and
    /// these lists grow by theirs.
    func testEveryAgentThatWasLockedIsStillHad() {
        // Those of the first agent that the second has no more.
        let first = [
            ("agent.c", 23080, "a0f5e864fddb30f976418ee85393cae5eecacdf6813563e12fdd82c34fdffb28"),
            ("agent.h", 7717, "b5ba7e531a6a6e01a9f59d0063db38f97ab34df3355706afc2938845f3e80f7a"),
            ("asgi_worker.py", 19801, "85f972cec313b1dfe125a4bb5d64c5efb5ec40492beffd959391df801674e789"),
            ("basics.c", 4725, "1081af20d92a16e07ef5ae6dc776e43cf12b2ea61f2c73340979bbf361f282c3"),
            ("configuration.c", 7731, "5422ed2aaaa31e3659bc9e1ad92ce0e4e05746cafba76b192017c7b337bb8fbb"),
            ("http.c", 21274, "33e0daea9afffa9b40ba046659a169a8ea85492ef4e150d2915a7fda3d2de4b8"),
            ("msgpack.c", 6496, "357bdbbddaf22eb0c4e6b642e655968f33baa4e773738269185cbdbc44a6c929"),
        ]
        let second = [
            ("agent.c", "8a85cc65f64033dc327a8a14448711c55662634cd82f087662b59a7b0106b49d"),
            ("agent.h", "f708c3c1845f24312dd22270c11626bc7800c791c363512de40217dc5ba24d98"),
            ("asgi_exchange.py", "4f58b2e540bcc49b9255b8f6e2d0d5053915824e40eb320972d52221b0920461"),
            ("asgi_messagepack.py", "8be7420778deac86163503c5ee440b52288276e03e53bc26b11603618a2b6761"),
            ("asgi_worker.py", "5c92cf901b5d2ff0116d14e9887d3da1e68ff73c89bc090eae1cb18f63df842a"),
            ("basics.c", "93c62374d937c9364cf90fdcfe265faa9958cacda223985e8a51a69c78bbecd5"),
            ("configuration.c", "e78b5d517e33aa9ef7e6ab586b312a29425073d18e16f1830a12dad543e3ab80"),
            ("configure.c", "60d112293b5907143ff470d87b144e2cba5c61294f4268e035fea7824b890808"),
            ("http.h", "a601fdd0df6004be1dd33ab570280c304c73cf423517a32cb4c7c724e5cce16f"),
            ("http_answer.c", "b2284797c89291c4e64600eadbf6f0fec9919eb58fd71620d1e090ba24196e86"),
            ("http_exchange.c", "595cfe9e74a1591109642b60c906e588d59185cd0f3f89b0a67f4a9aacdec084"),
            ("http_request.c", "17f58ceb4011226af1ae34a2c1662fe9b0318c91e97cc353fbccec847defe379"),
            ("inflate.c", "350d8177ad35933fbf6e66321a0b91c119dfc004b0e4eb4d4dfb95219340021c"),
            ("machine.c", "b148d5cacb2daaa6308b9c4d417c60b78660536e98d5e91529cef457271ddb17"),
            ("msgpack.c", "9c78f5179f618d724057bd109993921cf6f94cdb6c3e0014fdf9f6bddc72d6fc"),
            ("network.c", "1092a285beae3e4661f0c010f2eec173de9448ed2c094040376ae2ba24c1bcf5"),
            ("program.c", "5112f8baf9cb0be7396f403a6467ea727d83d9e39398ced9900d32bf5d55eab5"),
            ("relay.c", "75ca6b93eee53ee74c68b6472517d7203649bc068998e4d1a79e40a6e729914b"),
            ("requests.c", "dd53e1766fa426583be3716cbb8b3c180af91f1f0944ad8904121c394cfcd681"),
            ("session.h", "5eb4877d6a827903c4a46920a71e50850f2ecdece25adde5fe02cadb28f66ad4"),
            ("vsock.c", "47188714ff7bd2d5e9091a0fc366809e51fa183286e406dbb5d104f694a5e88b"),
            ("zip.c", "70910b0436ef0884056ef6042830ca44cdff9a5f0e45a6062d0ef397a0839346"),
        ]
        let found = AgentSources.inputs.map { ($0.path, $0.sha256.hex) }
        XCTAssertEqual(second.map { "\($0.0) \($0.1)" }, found.map { "\($0.0) \($0.1)" })
        for input in AgentSources.inputs { XCTAssertNotNil(AgentSources.bytes(of: input)) }
        for (name, size, hash) in first {
            let input = Lockfile.Input(path: name, size: size, sha256: Digest(hex: hash) ?? .of([]))
            XCTAssertEqual(AgentSources.bytes(of: input).map { Digest.of($0).hex }, hash, name)
        }
        XCTAssertNil(AgentSources.bytes(of: .init(path: "agent.c", of: [1])))
    }
}
