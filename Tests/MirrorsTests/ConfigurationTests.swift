import Mirrors
import XCTest

/// The host's own configuration of apt and pip, as it stands on hosts.
final class ConfigurationTests: XCTestCase {
    func testAptsListsAreReadInTheirOneLineForm() {
        let text = """
            # deb http://commented.example.org/debian bookworm main
            deb http://one.example.org/debian bookworm main contrib # a comment
            deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://two.example.org/debian  bookworm-updates\tmain
            deb [ arch=amd64 ] https://three.example.org/debian bookworm main
            deb-src http://one.example.org/debian bookworm main
            deb http://flat.example.org/ ./
            deb [arch=amd64 http://broken.example.org
            """
        XCTAssertEqual(
            HostSources.parse(text, file: "sources.list"),
            [
                .init(uris: ["http://one.example.org/debian"], suites: ["bookworm"], components: ["main", "contrib"]),
                .init(uris: ["https://two.example.org/debian"], suites: ["bookworm-updates"], components: ["main"]),
                .init(uris: ["https://three.example.org/debian"], suites: ["bookworm"], components: ["main"]),
                .init(uris: ["http://flat.example.org/"], suites: ["./"], components: []),
            ])
        XCTAssertEqual(HostSources.parse(text, file: "backup.list.save"), [])
    }

    func testAptsStanzasAreReadWithFoldsAndSwitches() {
        let text = """
            Types: deb deb-src
            URIs: http://one.example.org/debian
             http://two.example.org/debian
            Suites: bookworm bookworm-updates
            Components: main
            Signed-By:
             -----BEGIN PGP PUBLIC KEY BLOCK-----
             .
             xyz

            Enabled: no
            Types: deb
            URIs: http://off.example.org
            Suites: bookworm

            Types: deb-src
            URIs: http://source.example.org
            Suites: bookworm
            """
        XCTAssertEqual(
            HostSources.parse(text, file: "debian.sources"),
            [
                .init(
                    uris: ["http://one.example.org/debian", "http://two.example.org/debian"],
                    suites: ["bookworm", "bookworm-updates"], components: ["main"])
            ])
    }

    func testAListOfMirrorsIsTakenByPriority() {
        XCTAssertEqual(
            MirrorFile.mirrors(
                "http://c.example.org/\n# none\nhttps://a.example.org/ priority:1 type:deb\nftp://no.example.org/\n"
                    + "http://b.example.org/ priority:2\n\n"),
            ["https://a.example.org/", "http://b.example.org/", "http://c.example.org/"])
    }

    private func pip(_ files: [String: String], _ variables: [String: String] = [:]) -> PipConfiguration {
        PipConfiguration(variables: { variables[$0] }, read: { files[$0] })
    }

    func testPipLooksWhereTheHostsPipLooks() {
        let files = [
            "/etc/pip.conf": "[global]\nindex-url = https://one.example.org/simple\ntimeout: 20\nuser = true\n",
            "/home/a/.config/pip/pip.conf":
                "; a comment\n[global]\nfind_links =\n    /srv/wheels\n    https://two.example.org/\n[install]\nretries=1\n[freeze]\ntimeout=9\n",
        ]
        let found = pip(files, ["HOME": "/home/a", "SSL_CERT_FILE": "/etc/own.pem", "https_proxy": "http://p:1"])
        XCTAssertEqual(found.environment["PIP_INDEX_URL"], "https://one.example.org/simple")
        XCTAssertEqual(found.environment["PIP_TIMEOUT"], "20")
        XCTAssertEqual(
            found.environment["PIP_FIND_LINKS"]?.split(separator: " "), ["/srv/wheels", "https://two.example.org/"])
        XCTAssertEqual(found.environment["PIP_RETRIES"], "1")
        XCTAssertEqual(found.environment["PIP_CERT"], "/etc/own.pem")
        XCTAssertEqual(found.environment["https_proxy"], "http://p:1")
        // How to install is the manifest's to say.
        XCTAssertNil(found.environment["PIP_USER"])
        XCTAssertEqual(found.paths, ["/etc/own.pem", "/srv/wheels"])
    }

    func testAVariableIsOverAFileAndAFileMayBeSwitchedOff() {
        let files = [
            "/etc/pip.conf": "[global]\nindex-url = https://one.example.org\n", "/own": "[global]\nproxy = p:2\n",
        ]
        XCTAssertEqual(
            pip(files, ["PIP_INDEX_URL": "https://x.example.org"]).environment["PIP_INDEX_URL"], "https://x.example.org"
        )
        XCTAssertNil(pip(files, ["PIP_CONFIG_FILE": "/dev/null"]).environment["PIP_INDEX_URL"])
        XCTAssertEqual(pip(files, ["PIP_CONFIG_FILE": "/own"]).environment["PIP_PROXY"], "p:2")
    }

    /// What a mirror is is seen at its place: a gateway's folder, in both forms of its URL, is none of a web server's.
    func testAMirrorIsWhatItsPlaceSays() {
        let root = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
        for url in [
            "https://gateway.example.org/ipfs/\(root)", "https://gateway.example.org/ipfs/\(root)/",
            "https://\(root).ipfs.gateway.example.org",
        ] {
            guard case .gateway(let place) = Mirror(url).kind else {
                XCTFail("\(url) is no gateway")
                continue
            }
            XCTAssertEqual(place.server, "https://gateway.example.org", url)
            XCTAssertEqual(place.root.description, root)
        }
        for url in [
            "http://mirror.example.org/debian", "http://mirror.example.org/ipfs/debian", "https://\(root).example.org",
            "http://mirror.example.org/ipfs/\(root)/objects",
        ] { XCTAssertEqual(Mirror(url).kind, .server, url) }
        XCTAssertEqual(Mirror("/usr/share").kind, .folder)
        XCTAssertEqual(Mirror("file:///etc/passwd").kind, .bundle)
        XCTAssertEqual(Mirror("/nowhere/at/all").kind, .folder)
    }
}
