import XCTest

import ContentHash

/// Spellings of SHA-256("rtverify"), made by Python's integers and its base64 module.
final class CIDTests: XCTestCase {
    private static let digest = "6535e20506babcc650c853b1811bf958ba383b163a14ac6239c993d297405b04"
    private static let version0 = "QmV9jYME8Qd8GEzwMDTpMGG9Lvvz8iqN1HPosCS8ReAyvj"
    private static let raw = [
        "bafkreidfgxrakbv2xtdfbsctwgarx6kyxi4dwfr2cswgeoojspjjoqc3aq",
        "zb2rhdTN2QSNFt9DRrVLKE73Aec7CeUrDA6v4BtAsKiBv9A8T",
        "k2cwueb67skb0sxlsvu2vovirotn1gwpvshle33hzpkva7j0l75lmu4k", "f01551220\(digest)",
    ]
    private static let dagPB = [
        "bafybeidfgxrakbv2xtdfbsctwgarx6kyxi4dwfr2cswgeoojspjjoqc3aq",
        "zdj7WcEyunHyt6j8xJs5xRSDe6hy98RrGFVsboLXzpoF5jt6f",
        "k2jmtxtvx7xh5di7dbcvapljf82s7vyfvet0zk6rj0krw4ffnkcjdngk", "f01701220\(digest)",
    ]

    func testEverySpellingIsReadAndTheUsualOneWritten() throws {
        let version0 = try CID(Self.version0)
        XCTAssertEqual(version0.version, 0)
        XCTAssertEqual(version0.digest.hex, Self.digest)
        XCTAssertEqual(version0.description, Self.version0)
        for (spellings, codec) in [(Self.raw, CID.Codec.raw), (Self.dagPB, .dagPB)] {
            for text in spellings + spellings.filter({ !$0.hasPrefix("z") }).map({ $0.uppercased() }) {
                let cid = try CID(text)
                XCTAssertEqual(cid.version, 1)
                XCTAssertEqual(cid.codec, codec)
                XCTAssertEqual(cid.digest.hex, Self.digest, text)
                XCTAssertEqual(cid.description, spellings[0])
            }
        }
    }

    private func failure(_ text: String) -> String {
        do { return "accepted as \(try CID(text))" } catch { return "\(error)" }
    }

    func testWhatNamesNoFileIsRefusedWithItsReason() {
        XCTAssertTrue(
            failure("bafyreidfgxrakbv2xtdfbsctwgarx6kyxi4dwfr2cswgeoojspjjoqc3aq").contains(
                "dag-cbor, not raw or dag-pb"))
        XCTAssertTrue(
            failure("bafykbzacebstlyqfa25lzrsqzbj3dai37fmluob3cy5bjldchhezhuuxibnqi").contains("blake2b-256"))
        XCTAssertTrue(failure("f01720020\(Self.digest)").contains("libp2p-key (an IPNS name)"))
        XCTAssertTrue(failure("z\(Self.version0)").contains("no multibase prefix"))
        XCTAssertTrue(failure("f01551220\(Self.digest)00").contains("1 bytes too many"))
        XCTAssertTrue(failure("f01551220\(Self.digest.dropLast(2))").contains("cut short"))
        XCTAssertTrue(failure("f02551220\(Self.digest)").contains("version is 2"))
        XCTAssertTrue(failure("f0155121f\(Self.digest.dropLast(2))").contains("31 bytes, not 32"))
        XCTAssertTrue(failure(String(Self.raw[0].dropLast()) + "b").contains("bits too many"))
        XCTAssertTrue(failure("bAfkre" + Self.raw[0].dropFirst(6)).contains("mixes"))
        XCTAssertTrue(failure("Qm0" + Self.version0.dropFirst(3)).contains("no digit"))
        XCTAssertTrue(failure("").contains("0 characters"))
        XCTAssertTrue(failure("x" + Self.raw[0].dropFirst()).contains("begins neither"))
    }

    func testTheVersionIsOnlyASpellingOfTheSameBlock() throws {
        let bytes = Array("rtverify".utf8)
        let hasher = ContentHasher(profiles: UnixFSProfile.named)
        bytes.withUnsafeBytes { hasher.update($0) }
        let identity = hasher.finalize()
        XCTAssertEqual(try ContentName(Self.raw[2]).answer(for: identity), .same(profile: nil))
        XCTAssertEqual(try ContentName(Self.digest).answer(for: identity), .same(profile: nil))
        let version0 = try XCTUnwrap(identity.cid(.v0_2015))
        let version1 = CID(version: 1, codec: .dagPB, digest: version0.digest)
        XCTAssertEqual(ContentName.cid(version1).answer(for: identity), .same(profile: .v0_2015))
        // The raw block is the file itself, so its hash decides; another tree's root may be the same file cut otherwise.
        let other = Digest.of([1])
        XCTAssertEqual(
            ContentName.cid(CID(version: 1, codec: .raw, digest: other)).answer(for: identity), .different)
        XCTAssertEqual(
            ContentName.cid(CID(version: 0, codec: .dagPB, digest: other)).answer(for: identity),
            .undecided(tried: UnixFSProfile.named))
    }

    func testVarintsHaveOneForm() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, Int.max >> 1, Int.max] {
            var rest = Varint.encode(value)[...]
            XCTAssertEqual(rest.count, Varint.count(value))
            XCTAssertEqual(Varint.decode(&rest), value)
            XCTAssertTrue(rest.isEmpty)
        }
        for bad: [UInt8] in [[], [0x80], [0x81, 0x00], [UInt8](repeating: 0xff, count: 9) + [0x01]] {
            var rest = bad[...]
            XCTAssertNil(Varint.decode(&rest), "\(bad)")
        }
    }
}

final class HashListTests: XCTestCase {
    func testLinesAreReadAsSha256sumWritesThem() throws {
        let hex = String(repeating: "0a", count: 32)
        let list = HashList(
            text: """
                # a comment
                \(hex)  plain file
                \(hex) *binary
                \\\(hex)  a\\nb\\\\c

                bafkreidfgxrakbv2xtdfbsctwgarx6kyxi4dwfr2cswgeoojspjjoqc3aq  x\r
                \(hex.uppercased())  upper case
                \(hex)
                """.utf8)
        XCTAssertEqual(list.entries.map(\.path), ["plain file", "binary", "a\nb\\c", "x", "upper case"])
        XCTAssertEqual(list.malformed.map(\.line), [8])
    }
}
