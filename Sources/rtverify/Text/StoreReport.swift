import ContentHash
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// What the store commands print.
enum StoreReport {
    private struct ObjectAnswer: Encodable {
        var sha256: String
        var size: Int
        /// As the snapshot archive spells times.
        var lastUse: String
        var name: String?
    }

    static func print(
        _ objects: [Store.Object], names: [Digest: String], missing: [Lockfile.Input], store: String, json: Bool
    ) {
        let answers = objects.map {
            ObjectAnswer(
                sha256: $0.sha256.hex, size: $0.size, lastUse: SnapshotTime(seconds: $0.lastUse).text,
                name: names[$0.sha256])
        }
        if json {
            struct ListAnswer: Encodable {
                var store: String
                var objects: [ObjectAnswer]
                var missing: [Lockfile.Input]
            }
            return printLine(JSONText.of(ListAnswer(store: store, objects: answers, missing: missing)))
        }
        for object in answers {
            let size = readableByteCount(object.size)
            let padding = String(repeating: " ", count: max(0, 9 - size.count))
            printLine("\(object.sha256)  \(padding)\(size)  \(object.lastUse.prefix(8))  \(object.name ?? "")")
        }
        for input in missing { printLine("\(input.sha256)    missing            \(input.path)") }
        let bytes = readableByteCount(objects.reduce(0) { $0 + $1.size })
        printLine(
            "\(objects.count) objects, \(bytes)" + (missing.isEmpty ? "" : "; \(missing.count) missing")
                + " in \(store)")
    }

    static func print(
        _ changed: [(Digest, String)], of objects: [Store.Object], store: Store, isRemoved: Bool, json: Bool
    ) {
        if json {
            struct Changed: Encodable {
                var path: String
                var reason: String
            }
            struct VerifyAnswer: Encodable {
                var store: String
                var objects: Int
                var changed: [Changed]
            }
            return printLine(
                JSONText.of(
                    VerifyAnswer(
                        store: store.directory, objects: objects.count,
                        changed: changed.map { .init(path: store.path(of: $0.0), reason: $0.1) })))
        }
        for (sha256, reason) in changed {
            printLine("\(store.path(of: sha256)) \(reason)\(isRemoved ? "; removed" : "")")
        }
        let bytes = readableByteCount(objects.reduce(0) { $0 + $1.size })
        printLine(
            changed.isEmpty
                ? "\(objects.count) objects, \(bytes), all have the bytes of their names"
                : "\(changed.count) of \(objects.count) objects have changed")
    }

    static func print(
        _ result: Store.Collected, trees: (removed: Int, bytes: Int, left: Int)?, store: String, isDry: Bool, json: Bool
    ) {
        let removed = result.removed.reduce(0) { $0 + $1.size }
        let left = result.left.reduce(0) { $0 + $1.size }
        if json {
            struct CollectAnswer: Encodable {
                var store: String
                var dryRun: Bool
                var removed: [String]
                var removedSize: Int
                var left: Int
                var leftSize: Int
                var inUse: Int
                var treesRemoved: Int
                var treesRemovedSize: Int
                var treesLeftSize: Int
            }
            return printLine(
                JSONText.of(
                    CollectAnswer(
                        store: store, dryRun: isDry, removed: result.removed.map(\.sha256.hex), removedSize: removed,
                        left: result.left.count, leftSize: left, inUse: result.inUse,
                        treesRemoved: trees?.removed ?? 0, treesRemovedSize: trees?.bytes ?? 0,
                        treesLeftSize: trees?.left ?? 0)))
        }
        printLine(
            "\(isDry ? "would remove" : "removed") \(result.removed.count) objects, \(readableByteCount(removed)); "
                + "\(result.left.count) stay, \(readableByteCount(left))"
                + (result.inUse == 0 ? "" : " (\(result.inUse) of them because they are in use)"))
        guard let trees, trees.removed > 0 || trees.left > 0 else { return }
        printLine(
            "\(isDry ? "would remove" : "removed") \(trees.removed) trees of earlier builds, "
                + "\(readableByteCount(trees.bytes)); \(readableByteCount(trees.left)) stay")
    }

    static func print(_ summary: BundleExport.Summary, bundle: String, lock: Digest, json: Bool) {
        if json {
            struct ExportAnswer: Encodable {
                var bundle: String
                var inputsCID: String
                var inputs: Int
                var size: Int
                var lockSHA256: String
            }
            return printLine(
                JSONText.of(
                    ExportAnswer(
                        bundle: bundle, inputsCID: summary.root.description, inputs: summary.inputs,
                        size: summary.size, lockSHA256: lock.hex)))
        }
        let lines = [
            bundle, "  root    \(summary.root)", "  inputs  \(summary.inputs)", "  size    \(summary.size)",
            "  lock    \(lock)",
        ]
        for line in lines { bundle == "-" ? printError(line) : printLine(line) }
    }

    static func print(
        imported inputs: [Lockfile.Input], of bundle: String, root: CID?, lock: Digest, store: String, json: Bool
    ) {
        let size = inputs.reduce(0) { $0 + $1.size }
        if json {
            struct ImportAnswer: Encodable {
                var bundle: String
                var inputsCID: String?
                var inputs: Int
                var size: Int
                var lockSHA256: String
                var store: String
            }
            return printLine(
                JSONText.of(
                    ImportAnswer(
                        bundle: bundle, inputsCID: root?.description, inputs: inputs.count, size: size,
                        lockSHA256: lock.hex, store: store)))
        }
        printLine(bundle)
        if let root { printLine("  root    \(root)") }
        printLine("  inputs  \(inputs.count), \(readableByteCount(size)), in \(store)")
        printLine("  lock    \(lock)")
    }
}
