import ContentHash
import PackageResolution
import Reporting
import RuntimeSpec

/// What the lock commands print.
enum LockReport {
    static func print(_ lock: Lockfile, path: String, json: Bool, quiet: Bool) {
        let sha256 = Digest.of(Array(lock.text.utf8))
        if json {
            struct Answer: Encodable {
                var lock: String
                var lock_sha256: String
                var packages: Int
                var source_date_epoch: Int
            }
            Swift.print(
                JSONText.of(
                    Answer(
                        lock: path, lock_sha256: sha256.hex, packages: lock.packages.count,
                        source_date_epoch: lock.sourceDateEpoch)))
        } else if !quiet {
            let bytes = lock.packages.map(\.file.size).reduce(0, +)
            Swift.print(
                "\(path): \(lock.packages.count) packages (\(readableByteCount(bytes))) in "
                    + "\(lock.stages.count) stages, toolchain of \(lock.toolchain.count)")
            for archive in lock.archives { Swift.print("  \(archive.suite) at \(archive.snapshot)") }
            Swift.print("sha256 \(sha256)")
        }
    }

    static func print(_ difference: LockDifference, json: Bool) throws {
        if json { return Swift.print(JSONText.of(difference)) }
        if difference.isEmpty { return Swift.print("nothing changed") }
        for package in difference.packages {
            let list = package.list == "toolchain" ? "toolchain " : ""
            let versions = [package.old, package.new].compactMap { $0 }.joined(separator: " -> ")
            Swift.print("\(package.change) \(list)\(package.name) \(versions)")
        }
        for line in difference.others { Swift.print(line) }
    }

    static func print(_ outcome: LockVerification.Outcome, path: String, json: Bool) throws {
        if json { return Swift.print(JSONText.of(outcome)) }
        Swift.print("\(path): \(outcome.packages) packages follow from \(outcome.archives) signed archives")
        if !outcome.unfamiliarKeys.isEmpty {
            Swift.print(
                "the lock lets keys sign that are not Debian's: \(outcome.unfamiliarKeys.joined(separator: ", "))")
        }
    }
}
