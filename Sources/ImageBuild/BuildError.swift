/// Why a build has no image, or one that isn't what was expected.
public enum BuildError: Error, CustomStringConvertible {
    /// The clock of this host stands before the newest time in the image.
    case clock(sourceDateEpoch: Int)
    /// The image is not what the golden file says.
    case mismatch(golden: String, expected: GoldenFile, found: GoldenFile)
    /// The golden file is of another lock.
    case otherLock(golden: String, expected: String, found: String)
    /// The golden file says nothing of the lock's inputs.
    case noInputs(golden: String)
    /// A lock's inputs are not those that the golden file says.
    case otherInputs(golden: String, expected: String, found: String)
    /// A file that is no golden file.
    case notGolden(String)
    /// The image holds private keys, which would be everybody's.
    case privateKeys([String])
    /// The lock was made with another init of rtverify's.
    case otherInit(lock: String, expected: String)
    /// The lock was made with another agent of rtverify's.
    case otherAgent(lock: String, source: String, expected: String)
    /// A build that fails where another is made otherwise.
    case underVariation([String], reason: String)
    /// What was asked to be varied can't be varied here.
    case cannotVary(String, reason: String)
    /// The tree can't lie where it was asked to.
    case treePlace(TreePlace)

    /// The design's exit status.
    public var exitStatus: Int32 {
        switch self {
        case .mismatch, .otherInputs, .privateKeys: 1
        default: 2
        }
    }

    /// For people, with what to do.
    public var description: String {
        switch self {
        case .clock(let epoch):
            "this host's clock stands before the lock's source-date-epoch (\(epoch)), so that files made now "
                + "would look older than the packages; set the clock"
        case .mismatch(let golden, let expected, let found):
            """
            the image is not the one of \(golden):
                      expected                                                          found
              size    \(Self.pad("\(expected.size)"))  \(found.size)
              sha256  \(Self.pad(expected.sha256))  \(found.sha256)
              cid     \(Self.pad(expected.cid))  \(found.cid)
            Compare it with an image of the expected bytes; `rtverify build --check` says whether the lock reproduces.
            """
        case .otherLock(let golden, let expected, let found):
            "\(golden) is of the lock with sha256 \(expected), this lock's is \(found); nothing was compared"
        case .noInputs(let golden): "\(golden) has no inputs_cid; nothing was compared"
        case .otherInputs(let golden, let expected, let found):
            "the root of the inputs is \(found), and \(golden) says \(expected)"
        case .treePlace(.memory):
            "the tree can't lie in memory: this machine or its control group has less than 512 MiB free, or the kernel's "
                + "memory file system lacks attributes (Linux 6.6); leave --tree out"
        case .treePlace(.disk):
            "the tree can't lie on a disk: the store's work folder is on a memory file system; give another --store"
        case .notGolden(let path):
            "\(path) is no golden file: JSON with lock_sha256, size, sha256 and cid"
        case .privateKeys(let paths):
            "the image would publish private keys:\n" + paths.map { "  \($0)\n" }.joined()
                + "Remove them in a step, or name them in an [[allow]] of the manifest (finding = \"private-key\")."
        case .otherInit(let lock, let expected):
            "\(lock) wants the init with sha256 \(expected), which this rtverify doesn't have; use the rtverify release "
                + "that wrote the lock, or lock the manifest anew"
        case .otherAgent(let lock, let source, let expected):
            "\(lock) wants the agent's \(source) with sha256 \(expected), which this rtverify doesn't have; use the rtverify "
                + "release that wrote the lock, or lock the manifest anew"
        case .underVariation(let names, let reason):
            "the build fails with this varied: \(names.joined(separator: ", ")) (--vary tries fewer); it said: \(reason)"
        case .cannotVary(let name, let reason):
            "'\(name)' can't be varied here: \(reason); leave it out of --vary, or vary all that can be (--vary all)"
        }
    }

    private static func pad(_ text: String) -> String {
        text + String(repeating: " ", count: max(0, 64 - text.utf8.count))
    }
}
