import Glibc
import Host

/// A folder that lists its entries in a random order (disorderfs(1)), in mounts and processes that are the sandbox's: it goes
/// with it, however that ends.
struct ShuffledFolder {
    /// Where the tree's files are, and where they are shown.
    private let (real, path): (String, String)

    static var program: String? {
        ["/usr/bin/disorderfs", "/usr/local/bin/disorderfs"].first { access($0, X_OK) == 0 }
    }

    /// Makes the folders in a sandbox's work folder.
    static func make(in folder: String) throws -> String {
        let shuffled = ShuffledFolder(in: folder)
        for path in [shuffled.real, shuffled.path] where mkdir(path, 0o700) != 0 {
            throw SystemError("cannot create \(path)", errno)
        }
        return shuffled.path
    }

    init(in folder: String) { (real, path) = ("\(folder)/real", "\(folder)/shuffled") }

    /// The same by the folder that is shown.
    init(shown path: String) { self.init(in: String(path.dropLast("/shuffled".count))) }

    /// What to run in new mounts and processes, as the first of these, so that the folder is shown and then `command` runs, in
    /// its place and in mounts of its own: it makes its own read-only, and disorderfs writes to the disk.
    /// - Parameter isShuffled: Whether entries are in a random order; else in that of the folder below.
    func showing(_ command: [String], isShuffled: Bool) -> [String] {
        let order = isShuffled ? "--shuffle-dirents=yes" : "--shuffle-dirents=no --reverse-dirents=no"
        let script =
            "program=$1 real=$2 shown=$3; shift 3; "
            + "\"$program\" --multi-user=yes \(order) -q -o dev,suid \"$real\" \"$shown\" && "
            + "exec unshare --mount --propagation unchanged \"$@\""
        return ["sh", "-c", script, "sh", Self.program ?? "disorderfs", real, path] + command
    }
}
