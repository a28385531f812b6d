import ContentHash
import Foundation
import Host
import InputStore
import XCTest

/// What of a store goes, and what never does.
final class CollectionTests: XCTestCase {
    private func withObjects(_ body: (Store, [Digest]) throws -> Void) throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try Store(directory: "\(folder.path)/store")
        let now = time(nil)
        // Ten bytes each, used one, two, three days ago.
        let digests = try (1...3).map { day in
            let digest = try store.keep(Array("object \(day) .".utf8))
            let used = timespec(tv_sec: now - day * 86_400, tv_nsec: 0)
            XCTAssertEqual(utimensat(AT_FDCWD, store.path(of: digest), [used, used], 0), 0)
            return digest
        }
        try body(store, digests)
    }

    func testObjectsGoByLastUseBySizeOrUnlessTheyAreKept() throws {
        try withObjects { store, digests in
            let twoDays = time(nil) - 2 * 86_400 + 3600
            XCTAssertEqual(
                try store.collect(.init(usedSince: twoDays), isDry: true).removed.map(\.sha256),
                [digests[2], digests[1]])
            XCTAssertEqual(store.objects().count, 3)
            XCTAssertEqual(try store.collect(.init(largestSize: 20), isDry: true).removed.map(\.sha256), [digests[2]])
            XCTAssertEqual(
                try store.collect(.init(kept: [digests[2]], largestSize: 20), isDry: true).removed.map(\.sha256),
                [digests[1]])
            let result = try store.collect(.init(kept: [digests[1]]), isDry: false)
            XCTAssertEqual(Set(result.removed.map(\.sha256)), [digests[0], digests[2]])
            XCTAssertEqual(store.objects().map(\.sha256), [digests[1]])
        }
    }

    func testAnUseIsWrittenDownAndAVerificationIsNone() throws {
        try withObjects { store, digests in
            let old = try XCTUnwrap(store.objects().first { $0.sha256 == digests[2] })
            XCTAssertEqual(try store.check(store.objects(), isOver: { false }).count, 0)
            XCTAssertEqual(store.objects().first { $0.sha256 == digests[2] }?.lastUse, old.lastUse)
            _ = try store.state(of: .init(path: "", size: old.size, sha256: old.sha256))
            let used = try XCTUnwrap(store.objects().first { $0.sha256 == digests[2] })
            XCTAssertGreaterThan(used.lastUse, time(nil) - 60)
        }
    }

    func testWhatARunningProgramUsesStays() throws {
        try withObjects { store, digests in
            do {
                let use = try StoreUse(of: store)
                XCTAssertThrowsError(try store.collect(.init(), isDry: false)) {
                    XCTAssertTrue("\($0)".contains("in use by process \(getpid())"), "\($0)")
                }
                try use.narrow(to: [digests[0]])
                let result = try store.collect(.init(), isDry: false)
                XCTAssertEqual(result.removed.count, 2)
                XCTAssertEqual(result.inUse, 1)
                XCTAssertEqual(store.objects().map(\.sha256), [digests[0]])
                withExtendedLifetime(use) {}
            }
            // One that ended without a word holds nothing.
            try Data("all\n".utf8).write(to: URL(fileURLWithPath: "\(store.directory)/uses/1-1"))
            XCTAssertEqual(try store.collect(.init(), isDry: false).removed.count, 1)
        }
    }

    func testAChangedObjectIsFound() throws {
        try withObjects { store, digests in
            let path = store.path(of: digests[0])
            try FileManager.default.removeItem(atPath: path)
            try Data("other".utf8).write(to: URL(fileURLWithPath: path))
            XCTAssertEqual(try store.check(store.objects(), isOver: { false }).map(\.0), [digests[0]])
        }
    }
}
