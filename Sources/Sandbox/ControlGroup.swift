import Glibc
import Host

/// The control group that this process is in (cgroups(7)), of either version: what it limits and what it has counted.
public struct ControlGroup: Sendable {
    /// Folders of the hierarchy that a controller is in, from this process's own group upwards; none where it isn't seen.
    private let memory: [String]
    private let processes: [String]

    /// Looks the group up.
    /// - Parameter read: A file's text; nil where there is none.
    public init(read: (String) -> String? = SystemFile.text) {
        let groups = (read("/proc/self/cgroup") ?? "").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        let mounts = (read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Mount.init)
        func folders(_ controller: String) -> [String] {
            for group in groups where group.count == 3 {
                let isUnified = group[1].isEmpty
                guard isUnified || group[1].split(separator: ",").contains(where: { $0 == controller }),
                    let mount = mounts.first(where: { isUnified ? $0.isUnified : $0.options.contains(controller) })
                else { continue }
                let found = mount.folders(of: String(group[2]))
                // Version 2 has one hierarchy, and perhaps this controller elsewhere.
                if !isUnified || access("\(found[0])/\(controller).max", F_OK) == 0
                    || access("\(found[0])/\(controller).events", F_OK) == 0
                {
                    return found
                }
            }
            return []
        }
        (memory, processes) = (folders("memory"), folders("pids"))
    }

    /// One line of proc_pid_mountinfo(5).
    private struct Mount {
        var root: String
        var point: String
        var isUnified: Bool
        var options: Set<String>

        init?(_ line: Substring) {
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), words.count > dash + 3, dash > 4,
                words[dash + 1] == "cgroup" || words[dash + 1] == "cgroup2"
            else { return nil }
            (root, point, isUnified) = (words[3], words[4], words[dash + 1] == "cgroup2")
            options = Set(words[dash + 3].split(separator: ",").map(String.init))
        }

        /// A group's folder and those above it. A container may see its own group as the root.
        func folders(of group: String) -> [String] {
            var path = root != "/" && group.hasPrefix(root) ? String(group.dropFirst(root.count)) : group
            var found: [String] = []
            while path != "/", !path.isEmpty {
                if access(point + path, F_OK) == 0 { found.append(point + path) }
                path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            }
            return found + [point]
        }
    }

    /// The memory that this group and those above it may use, in bytes; nil where nothing limits it.
    public var memoryLimit: Int? {
        memory.compactMap { Self.number("\($0)/memory.max") ?? Self.number("\($0)/memory.limit_in_bytes") }
            .filter { $0 < 1 << 60 }.min()
    }

    /// Bytes that this group may still take, counting what the kernel would give back first; nil where nothing limits it.
    var availableMemory: Int? {
        memory.compactMap { folder in
            guard let limit = Self.number("\(folder)/memory.max") ?? Self.number("\(folder)/memory.limit_in_bytes"),
                limit < 1 << 60,
                let used = Self.number("\(folder)/memory.current") ?? Self.number("\(folder)/memory.usage_in_bytes")
            else { return nil }
            let cached = Self.count("inactive_file", in: "\(folder)/memory.stat") ?? 0
            return max(0, limit - max(0, used - cached))
        }.min()
    }

    /// Events by which programs fail that did nothing wrong, counted by the kernel.
    public struct Events: Equatable, Sendable {
        /// Processes that were killed for want of memory: in this group, and on the whole machine.
        var killed: [Int]
        /// Processes that could not be started because the group had its fill of them.
        var refused: [Int]

        /// What has come since others were counted, for people; nil when nothing has.
        public func since(_ earlier: Events) -> String? {
            if killed != earlier.killed {
                return "the kernel killed a program for want of memory while the image was built"
            }
            return refused == earlier.refused
                ? nil
                : "a program could not be started while the image was built: the control group has its limit of them"
        }
    }

    /// What the kernel has counted up to now.
    public var events: Events {
        let groups = memory.first.map {
            [Self.count("oom_kill", in: "\($0)/memory.events"), Self.count("oom_kill", in: "\($0)/memory.oom_control")]
        }
        return Events(
            killed: ((groups ?? []) + [Self.count("oom_kill", in: "/proc/vmstat")]).map { $0 ?? 0 },
            refused: processes.map { Self.count("max", in: "\($0)/pids.events") ?? 0 })
    }

    private static func number(_ path: String) -> Int? {
        SystemFile.text(path).flatMap { Int($0.filter { $0 != "\n" }) }
    }

    /// The number behind a word, on a line of their own.
    private static func count(_ word: String, in path: String) -> Int? {
        for line in (SystemFile.text(path) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == word { return Int(words[1]) }
        }
        return nil
    }
}

/// The kernel's own small files.
public enum SystemFile {
    /// The text; nil where the file can't be read.
    public static func text(_ path: String) -> String? {
        (try? SmallFile.bytes(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
