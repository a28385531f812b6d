import Glibc
import Mirrors
import XCTest

/// Proxies and who goes without them, waiting as a server asks, times of the snapshot archive.
final class NetworkSettingsTests: XCTestCase {
    private func proxy(_ url: String, _ variables: [String: String], apt: AptConfiguration = .none) throws -> String? {
        let settings = NetworkSettings(environment: { variables[$0] }, apt: apt)
        return try settings.proxy(for: try WebAddress(url)).map { "\($0.scheme) \($0.host):\($0.port)" }
    }

    func testEachSchemeHasItsProxy() throws {
        let variables = [
            "http_proxy": "http://web.example.org", "HTTPS_PROXY": "tls.example.org:3128", "ALL_PROXY": "socks5h://s",
        ]
        XCTAssertEqual(try proxy("http://a.example.org/", variables), "http web.example.org:80")
        XCTAssertEqual(try proxy("https://a.example.org/", variables), "http tls.example.org:3128")
        XCTAssertEqual(try proxy("https://a.example.org/", ["ALL_PROXY": "socks5h://s"]), "socks s:1080")
        // A web server sets it from a request's header.
        XCTAssertNil(try proxy("http://a.example.org/", ["HTTP_PROXY": "http://evil.example.org"]))
        XCTAssertNil(try proxy("http://127.0.0.1:8080/", variables))
        XCTAssertNil(try proxy("http://[::1]/", variables))
        XCTAssertThrowsError(try proxy("http://a.example.org/", ["http_proxy": "http://"]))
    }

    func testNoProxyNamesHostsDomainsAddressesAndNetworks() throws {
        for (exceptions, url, goesWithout) in [
            ("example.org", "http://example.org/", true), ("example.org", "http://a.example.org/", true),
            ("example.org", "http://notexample.org/", false), (".example.org", "http://a.b.example.org/", true),
            ("*.example.org", "http://a.example.org/", true), ("a, b.net , EXAMPLE.org", "http://example.org/", true),
            ("example.org:8080", "http://example.org:8080/", true), ("example.org:8080", "http://example.org/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true), ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.1.2.0/23", "http://10.1.3.255/", true), ("10.1.2.0/23", "http://10.1.4.0/", false),
            ("10.1.2.3", "http://10.1.2.3/", true), ("10.1.2.3", "http://10.1.2.30/", false),
            ("fd00::/8", "http://[fd12::1]/", true), ("[fe80::1]:8080", "http://[fe80::1]:8080/", true),
            ("[fe80::1]:8080", "http://[fe80::1]/", false), ("*", "http://anything.example.net/", true),
            ("", "http://example.org/", false), ("10.0.0.0/99", "http://10.0.0.1/", false),
        ] {
            let found = try proxy(url, ["http_proxy": "http://p.example.org", "no_proxy": exceptions])
            XCTAssertEqual(found == nil, goesWithout, "no_proxy=\(exceptions) \(url)")
        }
        XCTAssertNil(try proxy("http://x.org/", ["http_proxy": "http://p", "NO_PROXY": "x.org"]))
    }

    func testAptsProxyIsTakenWhereNoVariableSaysOne() throws {
        let apt = AptConfiguration(
            configurations: [
                "// a comment\nAcquire { http { Proxy \"http://apt.example.org:3142\"; Proxy::direct.example.org \"DIRECT\"; }; };",
                "Acquire::HTTPS::Proxy \"http://tls.example.org\"; # later",
            ], logins: [])
        XCTAssertEqual(try proxy("http://a.example.org/", [:], apt: apt), "http apt.example.org:3142")
        XCTAssertEqual(try proxy("https://a.example.org/", [:], apt: apt), "http tls.example.org:80")
        XCTAssertNil(try proxy("http://direct.example.org/", [:], apt: apt))
        XCTAssertEqual(try proxy("http://a.example.org/", ["http_proxy": "http://v"], apt: apt), "http v:80")
    }

    func testAServerMayAskForSecondsOrForATime() {
        XCTAssertEqual(Downloader.seconds(retryAfter: "120"), 120)
        XCTAssertEqual(Downloader.seconds(retryAfter: "0"), 0)
        XCTAssertEqual(Downloader.seconds(retryAfter: "-5"), 0)
        XCTAssertNil(Downloader.seconds(retryAfter: "soon"))
        XCTAssertNil(Downloader.seconds(retryAfter: "1.5"))
        // RFC 9110's own example is long over.
        XCTAssertEqual(Downloader.seconds(retryAfter: "Fri, 31 Dec 1999 23:59:59 GMT"), 0)
        let later = time(nil) + 3600
        var (moment, parts) = (later, tm())
        gmtime_r(&moment, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        let date = String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let seconds = Downloader.seconds(retryAfter: date) ?? -1
        // However slowly this test runs, it isn't more than an hour.
        XCTAssertTrue((1...3600).contains(seconds), "\(seconds)")
    }

    func testTimesOfTheSnapshotArchiveGoThereAndBack() {
        XCTAssertEqual(SnapshotTime("20261124T021215Z")?.seconds, 1_795_486_335)
        XCTAssertEqual(SnapshotTime(seconds: 1_795_486_335).text, "20261124T021215Z")
        XCTAssertEqual(SnapshotTime(seconds: 0).text, "19700101T000000Z")
        XCTAssertEqual(SnapshotTime("20240229T235959Z")?.adding(hours: 1).text, "20240301T005959Z")
        for text in [
            "", "20261124", "20261124T021215", "20261324T021215Z", "20261124T021215Zx", "2026-11-24T02:12:15Z",
        ] {
            XCTAssertNil(SnapshotTime(text), text)
        }
    }
}
