import ContentHash
import Host
import PackageResolution
import RuntimeSpec

/// What the lock commands print.
enum LockReport {
    static func print(_ lock: Lockfile, path: String, json: Bool, quiet: Bool) {
        let sha256 = Digest.of(Array(lock.text.utf8))
        if json {
            struct LockAnswer: Encodable {
                var lock: String
                var lockSHA256: String
                var packages: Int
                var wheels: Int
                var sourceDateEpoch: Int
            }
            printLine(
                JSONText.of(
                    LockAnswer(
                        lock: path, lockSHA256: sha256.hex,
                        packages: lock.packages.count + (lock.alpine?.packages.count ?? 0),
                        wheels: lock.python?.wheels.count ?? 0,
                        sourceDateEpoch: lock.sourceDateEpoch)))
        } else if !quiet {
            printLine("\(path): \(contents(of: lock)), toolchain of \(lock.toolchain.count)")
            if let archive = lock.rootArchive { printLine("  \(archive.path)") }
            for repository in lock.alpine?.repositories ?? [] {
                if let url = repository.url { printLine("  \(repository.name) (\(url))") }
            }
            for archive in lock.archives { printLine("  \(archive.shown) at \(archive.snapshot)") }
            printLine("sha256 \(sha256)")
        }
    }

    static func print(belongs path: String, to manifest: String, json: Bool) {
        printLine(json ? #"{"belongs": true}"# : "\(path) was made from \(manifest) as it is now")
    }

    /// `97 packages (40.1 MB) in 3 stages, 60 wheels (31.2 MB)`
    private static func contents(of lock: Lockfile) -> String {
        func part(_ inputs: [Lockfile.Input], _ one: String, _ several: String, _ more: String = "") -> String? {
            let bytes = readableByteCount(inputs.map(\.size).reduce(0, +))
            return inputs.isEmpty ? nil : "\(inputs.count) \(inputs.count == 1 ? one : several) (\(bytes))\(more)"
        }
        let stages = lock.debian.map { " in \($0.stages.count) stages" } ?? ""
        let parts = [
            part(lock.packages.map(\.file) + (lock.alpine?.packages.map(\.file) ?? []), "package", "packages", stages),
            part(lock.python?.wheels.map(\.file) ?? [], "wheel", "wheels"),
            part(lock.contents.ownFiles.compactMap(\.own), "file", "files"),
            lock.contents.trees.isEmpty
                ? nil : "what \(lock.contents.trees.map { "\($0.source.source)/" }.joined(separator: ", ")) holds",
        ].compactMap { $0 }
        return parts.isEmpty ? "no packages" : parts.joined(separator: ", ")
    }

    static func print(_ found: LockDraft.Found, path: String, json: Bool) {
        if json {
            struct DraftAnswer: Encodable {
                var draft: String
                var packages: Int
                var wheels: Int
                var missing: [String]
                var fault: String?
                var unexplained: Int
            }
            let lock = found.lock
            return printLine(
                JSONText.of(
                    DraftAnswer(
                        draft: path, packages: lock.packages.count + (lock.alpine?.packages.count ?? 0),
                        wheels: lock.python?.wheels.count ?? 0, missing: found.missing,
                        fault: found.fault, unexplained: found.unexplainedCount)))
        }
        printLine("\(path): \(contents(of: found.lock)), toolchain of \(found.lock.toolchain.count)")
        for archive in found.lock.archives { printLine("  \(archive.shown) at \(archive.snapshot)") }
        for item in found.missing { printLine("found nowhere: \(item)") }
        if let fault = found.fault { printLine("not yet a lock: \(fault)") }
        if found.unexplainedCount > 0 {
            printLine("\(found.unexplainedCount) files that no package accounts for, among them:")
            for path in found.unexplained.prefix(10) { printLine("  \(path)") }
        }
        printLine("a draft: steps, files and what was pruned are not in it")
    }

    static func print(_ difference: LockDifference, json: Bool) throws {
        if json { return printLine(JSONText.of(difference)) }
        if difference.isEmpty { return printLine("nothing changed") }
        for package in difference.packages {
            let list = package.list == "package" ? "" : "\(package.list) "
            let versions = [package.old, package.new].compactMap { $0 }.joined(separator: " -> ")
            printLine("\(package.change) \(list)\(package.name) \(versions)")
        }
        for line in difference.others { printLine(line) }
    }

    static func print(_ outcome: LockVerification.Outcome, path: String, json: Bool) throws {
        if json { return printLine(JSONText.of(outcome)) }
        printLine("\(path): \(outcome.packages) packages follow from \(outcome.archives) signed archives")
        if outcome.wheels > 0 {
            printLine("\(outcome.wheels) wheels are what pip chooses from them, and all it needs")
        }
        for line in outcome.warnings { printLine(line) }
    }
}
