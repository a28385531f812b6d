import CLinux
import CSandbox
import Glibc
import Host

/// The last thing that this program does before a program of a root is run: it leaves the host behind.
///
/// What runs then sees its root and nothing else, has processes of its own, and no right by which it could get out.
public enum RootEntry {
    /// As containers keep them, but for those to make device nodes, which a user's build doesn't have either. By their
    /// numbers in capabilities(7): CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE,
    /// SYS_CHROOT, AUDIT_WRITE, SETFCAP.
    private static let kept: [UInt64] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31]
    /// NET_RAW: a file that has it (ping) runs only where it can be had. Not on the host's network.
    private static let network: [UInt64] = [13]

    /// What its processes have besides; `command` takes them, and `run` reads them.
    public struct Options: Sendable {
        /// Whether its programs have the host's network.
        public var sharesNetwork = false
        /// Whether others go first.
        public var isNice = false
        /// A file that is shown as /proc/cpuinfo.
        public var processor: String?
        /// Whether the kernel calls itself 2.6 (personality(2), UNAME26).
        public var hasOtherKernel = false
        /// Variables that the program has, and this one, which starts it, hasn't.
        public var variables: [String] = []

        fileprivate var words: [String] {
            (sharesNetwork ? ["--network"] : []) + (isNice ? ["--nice"] : [])
                + (hasOtherKernel ? ["--other-kernel"] : []) + (processor.map { ["--processor=\($0)"] } ?? [])
                + variables.map { "--set=\($0)" }
        }

        fileprivate init(_ words: some Sequence<String>) {
            for word in words {
                switch word {
                case "--network": sharesNetwork = true
                case "--nice": isNice = true
                case "--other-kernel": hasOtherKernel = true
                case _ where word.hasPrefix("--processor="): processor = String(word.dropFirst("--processor=".count))
                case _ where word.hasPrefix("--set="): variables.append(String(word.dropFirst("--set=".count)))
                default: break
                }
            }
        }

        /// - Parameter isNice: Whether others go before it.
        public init(sharesNetwork: Bool = false, isNice: Bool = false) {
            (self.sharesNetwork, self.isNice) = (sharesNetwork, isNice)
        }
    }

    /// What to run so that a program is run in a root, as words of C: the root is a path of the host, the rest is the lock's.
    public static func command(_ root: String, _ program: [String], options: Options = Options()) -> [[UInt8]] {
        ([HiddenCommand.enter.rawValue] + options.words + [root]).map(\.pathArgument)
            + program.map { Array($0.utf8) + [0] }
    }

    /// Makes a folder the root of this process, and its working folder.
    static func enter(_ root: String) throws {
        guard chroot(root) == 0, chdir("/") == 0 else { throw SystemError("cannot enter \(root)", errno) }
    }

    /// Runs the program and ends as it does; returns only to say why it can't be run.
    public static func run(_ arguments: [String]) -> SystemError {
        let words = arguments.prefix { $0.hasPrefix("--") }
        let (options, rest) = (Options(words), Array(arguments.dropFirst(words.count)))
        let sharesNetwork = options.sharesNetwork
        // Where it may not be nicer, it runs all the same.
        if options.isNice { _ = nice(10) }
        if options.hasOtherKernel, rtv_show_old_kernel() != 0 {
            return SystemError("cannot show another kernel's release", errno)
        }
        for variable in options.variables {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            if parts.count == 2 { setenv(parts[0], parts[1], 1) }
        }
        guard rest.count > 1 else { return SystemError("cannot enter a root without a program", EINVAL) }
        let mask = (kept + (sharesNetwork ? [] : network)).reduce(UInt64(0)) { $0 | 1 << $1 }
        let pointers = rest.dropFirst().map { $0.withPath { strdup($0) } } + [nil]
        var failed: UnsafePointer<CChar>?
        let processor = options.processor?.pathCString
        _ = rest[0].withPath { rtv_run_in_root($0, mask, pointers, processor, &failed) }
        let (reason, what) = (errno, failed.map { String(cString: $0) } ?? "")
        return SystemError("\(rest[1]) in \(rest[0]): \(what)", reason)
    }
}
