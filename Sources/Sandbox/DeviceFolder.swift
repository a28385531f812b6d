/// /dev as every image has it: one fixed list, so that a user's build, which can't make nodes, has the same. The
/// numbers are those of the kernel's Documentation/admin-guide/devices.txt.
public enum DeviceFolder {
    /// A character device.
    public struct Node: Sendable {
        /// Below /dev.
        public let name: String
        /// Permission bits.
        public let mode: Int
        /// The driver's number.
        public let major: Int
        /// The device's number.
        public let minor: Int
    }

    /// Character devices. A VM's init may mount devtmpfs over them.
    public static let nodes = [
        Node(name: "console", mode: 0o600, major: 5, minor: 1),
        Node(name: "full", mode: 0o666, major: 1, minor: 7),
        Node(name: "null", mode: 0o666, major: 1, minor: 3),
        Node(name: "ptmx", mode: 0o666, major: 5, minor: 2),
        Node(name: "random", mode: 0o666, major: 1, minor: 8),
        Node(name: "tty", mode: 0o666, major: 5, minor: 0),
        Node(name: "urandom", mode: 0o666, major: 1, minor: 9),
        Node(name: "zero", mode: 0o666, major: 1, minor: 5),
    ]
    /// Links below /dev, and where they lead.
    public static let links = [
        ("fd", "/proc/self/fd"), ("stderr", "/proc/self/fd/2"), ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
    ]
    /// Folders below /dev with their permission bits.
    public static let folders: [(name: String, mode: Int)] = [("pts", 0o755), ("shm", 0o1777)]
}
