import CLinux
import Glibc
import Host
import RootfsBuild
import RuntimeSpec
import Sandbox

/// How one build is made, where another may be made otherwise.
struct BuildConditions: Sendable {
    var varied: Set<Variation> = []
    /// What is used to vary this is there and varies nothing: the clock's library, the file system that shuffles.
    var control: Variation?
    /// Whether the control's clock stands still.
    var isFrozen = false
    /// libfaketime, where the time is varied.
    var clock: BuildJob.Clock?
    /// Paths of the image, of which it is told what wrote them.
    var watched: [String] = []

    /// Whether what it takes to vary this is there.
    func has(_ variation: Variation) -> Bool { varied.contains(variation) || control == variation }

    /// Part of the work folder's name.
    func folderName(of lock: Lockfile) -> String {
        varied.contains(.folder)
            ? "\(lock.name.prefix(60))-in-another-folder-whose-name-is-much-longer-than-that-of-the-first-build"
            : String(lock.name.prefix(100))
    }

    func jobs(_ jobs: Int) -> Int { !varied.contains(.processors) ? jobs : jobs == 1 ? 4 : 1 }

    /// What the sandbox's inside has otherwise.
    /// - Parameter tree: Where the tree of a build lies that has nothing otherwise.
    func inside(of lock: Lockfile, tree: BuildJob.Conditions.Place?) -> BuildJob.Conditions {
        var conditions = BuildJob.Conditions()
        if varied.contains(.fileSystem) {
            conditions.tree = tree.map { $0 == .memory } ?? lock.fitsMemory ? .disk : .memory
        }
        // Over another file system the order is shuffled, and over memory nothing is.
        if has(.directoryOrder) { conditions.tree = .disk }
        conditions.unpacksByDpkg = varied.contains(.unpacker)
        conditions.hasOtherProcessor = varied.contains(.cpuinfo)
        conditions.hasOtherKernel = varied.contains(.kernel)
        if has(.time) {
            conditions.clock = clock
            if control == .time { conditions.clock?.date = isFrozen ? .fixed : .later(days: 0) }
        }
        conditions.watched = watched
        return conditions
    }

    /// What is around the sandbox.
    /// - Parameter folder: The work folder, as the sandbox sees it.
    func surroundings(of folder: String) -> Namespaces.Surroundings {
        var surroundings = Namespaces.Surroundings()
        surroundings.environment += environment
        surroundings.prefix = prefix
        if has(.directoryOrder) {
            let isShuffled = varied.contains(.directoryOrder)
            surroundings.beginning = { ShuffledFolder(shown: folder).showing($0, isShuffled: isShuffled) }
        }
        return surroundings
    }

    private var environment: [String] {
        var variables: [String] = []
        if varied.contains(.timezone) { variables.append("TZ=Pacific/Kiritimati") }
        if varied.contains(.locale) { variables += ["LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8"] }
        if varied.contains(.home) { variables.append("HOME=/nonexistent/another-home") }
        if varied.contains(.environment) {
            variables += [
                "CAPTURE_ENVIRONMENT=yes", "CFLAGS=-O0", "PYTHONDONTWRITEBYTECODE=1", "EDITOR=ed", "USER=other",
            ]
        }
        return variables
    }

    /// What is put before the command that starts the sandbox.
    private var prefix: [String] {
        var words: [String] = []
        if varied.contains(.umask) { words += ["sh", "-c", "umask 077; exec \"$@\"", "sh"] }
        if varied.contains(.processors), rtv_usable_processors() > 1 {
            words += ["taskset", "-c", "\(max(0, rtv_first_processor()))"]
        }
        if varied.contains(.user) { words += [OwnProgram.path ?? "", HiddenCommand.user.rawValue] }
        return words
    }

    /// Whether it is the host's root whose rights the sandbox has.
    var isPrivileged: Bool { getuid() == 0 && !varied.contains(.user) }

    /// Why a variation can't be had here; nil where it can. The time is another matter (`ReproducibilityCheck`).
    /// - Parameter folder: Where it is built.
    static func obstacle(to variation: Variation, of lock: Lockfile, in folder: String) async -> String? {
        switch variation {
        case .user:
            if getuid() != 0 { return "only root can be somebody else" }
            return await SubordinateUser.obstacle(in: folder)
        case .processors where rtv_usable_processors() == 1: return "there is one processor to use"
        case .fileSystem where !lock.fitsMemory:
            // The packer and dpkg want some, too.
            let wanted = UInt64(lock.treeSize) * 2 + 1 << 30
            return (SystemFolders.memoryForTree() ?? 0) > wanted ? nil : "a tree of this size doesn't fit this memory"
        case .directoryOrder:
            if getuid() != 0 { return "only root can mount a file system that shuffles" }
            if access("/dev/fuse", F_OK) != 0 { return "there is no /dev/fuse" }
            if ShuffledFolder.program == nil { return "disorderfs isn't installed (apt-get install disorderfs)" }
            return await Probe.succeeds(["unshare", "--mount", "--propagation", "private", "true"])
                ? nil : "no private mounts can be made here, as in a chroot"
        case .kernel:
            // Its static programs (ldconfig) look at the release before they begin.
            let libc = lock.packages.first { $0.name == "libc6" }?.version.split { !$0.isNumber }.prefix(2).compactMap {
                Int($0)
            }
            return libc.map { $0.lexicographicallyPrecedes([2, 36]) } == true
                ? "static programs of a glibc before 2.36 end under a kernel that calls itself 2.6" : nil
        case .unpacker where lock.system != .debian: return "dpkg unpacks packages of Debian"
        case .time where lock.system != .debian: return "libfaketime is for programs of Debian's glibc"
        default: return nil
        }
    }
}
