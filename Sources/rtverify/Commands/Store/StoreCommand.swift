import ArgumentParser
import ContentHash
import Glibc
import Host
import InputStore
import KeptTrees
import RuntimeSpec

struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Manage the store of verified inputs; bundle a lock's inputs to rebuild it offline, in years.",
        discussion: """
            rtverify store list                        what it holds
            rtverify store verify                      hash every object again
            rtverify store gc --older-than 90          remove what hasn't been used for so many days
            rtverify store export --lock L -o B.car    a lock and all its inputs as one file (CAR)
            rtverify store import B.car                take them out again, each one checked

            EXAMPLES:
              rtverify store export --lock lockfiles/debian-12-minimal.lock -o minimal.car
              rtverify build --lock lockfiles/debian-12-minimal.lock --offline --mirror minimal.car
            """,
        subcommands: [List.self, Verify.self, Collect.self, Export.self, Import.self])
}

extension StoreCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the objects of the store.",
            discussion: """
                With --lock, those that the lock names by their names, and those of them that the store lacks.

                EXAMPLES:
                  rtverify store list
                  rtverify store list --lock lockfiles/debian-12-minimal.lock
                """)
        @Option(help: ArgumentHelp("A lock that names objects. May be repeated.", valueName: "file"))
        var lock: [String] = []
        @OptionGroup var option: StoreOption
        @OptionGroup var out: OutputOptions

        func run() async throws {
            try await exiting(out.display) {
                let store = try option.existing()
                var names: [Digest: Lockfile.Input] = [:]
                for path in lock {
                    let found = try Lock.Target.lock(path)
                    let inputs = (try? store.allInputs(of: found)) ?? found.inputs + found.verificationInputs
                    for input in inputs where names[input.sha256] == nil { names[input.sha256] = input }
                }
                let objects = store.objects()
                let present = Set(objects.map(\.sha256))
                let missing = names.values.filter { !present.contains($0.sha256) }.sorted { $0.path < $1.path }
                StoreReport.print(
                    objects.filter { lock.isEmpty || names[$0.sha256] != nil }, names: names.mapValues(\.path),
                    missing: missing, store: store.directory, json: out.json)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify the digest of every object in the store.",
            discussion: """
                Exit status 1 where one has changed: a build would drop it and fetch it anew.

                EXAMPLES:
                  rtverify store verify
                  rtverify store verify --remove --json
                """)
        @Flag(help: "Remove those that have changed.")
        var remove = false
        @OptionGroup var option: StoreOption
        @OptionGroup var out: OutputOptions

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let store = try option.existing()
                let objects = store.objects()
                display.report(.phase(name: "check \(objects.count) objects", total: 0))
                let changed = try await interruptible { try store.check(objects, isOver: $0) }
                if remove {
                    let names = Set(changed.map(\.0))
                    try store.removeChanged(objects.filter { names.contains($0.sha256) })
                }
                display.finish()
                StoreReport.print(changed, of: objects, store: store, isRemoved: remove, json: out.json)
                if !changed.isEmpty { throw ExitCode(1) }
            }
        }
    }

    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc",
            abstract: "Remove objects from the store, by their last use, by size, or those that no lock names.",
            discussion: """
                What a running build uses stays. With --lock alone everything goes that these locks don't name; with \
                --older-than or --max-size, what they name stays in any case. Trees that `build` keeps for the next one \
                (~/.cache/rtverify-trees) go by the same rules; --max-size leaves them what objects leave of it.

                EXAMPLES:
                  rtverify store gc --older-than 90
                  rtverify store gc --max-size 20GiB --lock lockfiles/debian-12-minimal.lock
                  rtverify store gc --lock lockfiles/debian-12-minimal.lock --dry-run
                """)
        @Option(help: ArgumentHelp("Remove what wasn't used for so many days.", valueName: "days"))
        var olderThan: Int?
        @Option(
            help: ArgumentHelp(
                "Remove what was used longest ago until the store has no more than this: 500MiB, 20GiB.",
                valueName: "size"))
        var maxSize: String?
        @Option(help: ArgumentHelp("A lock whose inputs stay. May be repeated.", valueName: "file"))
        var lock: [String] = []
        @Flag(help: "Say what would go, and remove nothing.")
        var dryRun = false
        @OptionGroup var option: StoreOption
        @OptionGroup var out: OutputOptions

        func validate() throws {
            guard olderThan != nil || maxSize != nil || !lock.isEmpty else {
                throw ValidationError(
                    "Say what may go: --older-than DAYS, --max-size SIZE, or --lock FILE for all that these don't name."
                )
            }
            if let olderThan, !(0...36_500).contains(olderThan) {
                throw ValidationError("--older-than is from 0 to 36500 days.")
            }
            if let maxSize, ByteSize.bytes(maxSize) == nil {
                throw ValidationError("'\(maxSize)' is no size; write it as 500MiB or 20GiB.")
            }
        }

        func run() async throws {
            try await exiting(out.display) {
                let store = try option.existing()
                var kept: Set<Digest> = []
                let trees = try keptTrees()
                var keptTrees: Set<Digest> = []
                for path in lock {
                    let found = try Lock.Target.lock(path)
                    for phase in TreePhase.allCases {
                        if let trees { keptTrees.insert(trees.key(of: found, after: phase)) }
                    }
                    // Of a folder whose list isn't there no file is known, and none may go.
                    kept.formUnion(try store.allInputs(of: found).map(\.sha256))
                }
                let rule = Store.CollectionRule(
                    kept: kept, usedSince: olderThan.map { time(nil) - $0 * 86_400 },
                    largestSize: maxSize.flatMap { ByteSize.bytes($0) })
                let result = try store.collect(rule, isDry: dryRun)
                let left = result.left.reduce(0) { $0 + $1.size }
                // Objects come first: a tree is made of them again in a minute, and they may be gone from every mirror.
                let treeRule = KeptTrees.Rule(
                    usedSince: rule.usedSince, largestSize: rule.largestSize.map { max(0, $0 - left) },
                    kept: keptTrees)
                let gone = trees?.collect(treeRule, isDry: dryRun)
                StoreReport.print(result, trees: gone, store: store.directory, isDry: dryRun, json: out.json)
            }
        }

        /// Trees of earlier builds, where there are any.
        private func keptTrees() throws -> KeptTrees? {
            let directory = KeptTrees.defaultDirectory(environment: environmentValue)
            guard access(directory, F_OK) == 0 else { return nil }
            do { return try KeptTrees(directory: directory) } catch let error as KeptTrees.Refused {
                out.display.report(.note("trees of earlier builds stay: \(error)"))
                return nil
            }
        }
    }
}
