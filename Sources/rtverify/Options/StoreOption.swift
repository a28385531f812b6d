import ArgumentParser
import Glibc
import Host
import InputStore

/// Which store.
struct StoreOption: ParsableArguments {
    @Option(help: ArgumentHelp("Where verified inputs are kept (default: ~/.cache/rtverify).", valueName: "dir"))
    var store: String?

    /// Where it is, whether it is there or not.
    var directory: String { store ?? Store.defaultDirectory(environment: environmentValue) }

    func open() throws -> Store { try Store(directory: directory) }

    /// One that is there: nobody makes an empty one to look into it.
    func existing() throws -> Store {
        guard access("\(directory)/objects", F_OK) == 0 else {
            throw SystemError("cannot read the store \(directory)", ENOENT)
        }
        return try open()
    }
}
