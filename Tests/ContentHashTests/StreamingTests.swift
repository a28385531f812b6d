import Foundation
import XCTest

import ContentHash

/// Bytes that no chunk size divides, the same in every run.
func sampleBytes(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

final class StreamingTests: XCTestCase {
    private func identity(_ bytes: [UInt8], pieces: Int, threads: Int, profiles: [UnixFSProfile]) -> FileIdentity {
        let hasher = ContentHasher(profiles: profiles, threads: threads)
        bytes.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                hasher.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + pieces)]))
            }
        }
        return hasher.finalize()
    }

    func testNeitherPiecesNorThreadsChangeTheNames() throws {
        let own = try XCTUnwrap(UnixFSProfile(chunkSize: 1000, width: 3, rawLeaves: false, cidVersion: 1))
        for size in [0, 1, 999, 1000, 1001, 1_048_575, 1_048_576, 1_048_577, 12_345_678] {
            let bytes = sampleBytes(size)
            for profiles in [UnixFSProfile.named, [own], []] {
                let expected = identity(bytes, pieces: max(1, size), threads: 1, profiles: profiles)
                XCTAssertEqual(expected.sha256, Digest.of(bytes))
                XCTAssertEqual(expected.size, size)
                XCTAssertEqual(expected.cids.map(\.profile), profiles)
                for (pieces, threads) in [(7777, 1), (1 << 20, 2), (3_000_000, 5)] {
                    XCTAssertEqual(
                        identity(bytes, pieces: pieces, threads: threads, profiles: profiles), expected,
                        "\(size) bytes in pieces of \(pieces) on \(threads) threads")
                }
            }
        }
    }

    /// The lane of raw leaves shares work between its profiles; alone, each does its own.
    func testProfilesTogetherGiveWhatEachGivesAlone() {
        let bytes = sampleBytes(5_000_001)
        let together = identity(bytes, pieces: 65_536, threads: 2, profiles: UnixFSProfile.named)
        for profile in UnixFSProfile.named {
            XCTAssertEqual(
                identity(bytes, pieces: 65_536, threads: 1, profiles: [profile]).cid(profile), together.cid(profile))
        }
    }

    func testParametersOfANamedProfileAreThatProfile() {
        XCTAssertEqual(UnixFSProfile(chunkSize: 262_144, width: 174, rawLeaves: false, cidVersion: 0), .v0_2015)
        XCTAssertNil(UnixFSProfile(chunkSize: 0, width: 174, rawLeaves: false, cidVersion: 0))
        XCTAssertNil(UnixFSProfile(chunkSize: 1, width: 1, rawLeaves: false, cidVersion: 0))
        XCTAssertEqual(UnixFSProfile(chunkSize: 262_144, width: 174, rawLeaves: true, cidVersion: 0), .kuboRawLeavesV0)
    }
}
