import CSandbox
import Glibc
import Host

/// An ordinary user with subordinate ids, as the host's root can be one: in a user namespace, without a right outside.
public enum SubordinateUser {
    /// The argument that makes this program become it; the program to run and its arguments follow.
    public static let commandName = "sandbox-user"

    /// Far above users' own, and within what a container that has ids at all is given.
    private static let (first, count): (UInt32, UInt32) = (1 << 20, 65_535)

    static var isPossible: Bool { NamespaceAdvice.idCount >= Int(first + count) }

    /// Becomes the user and runs the program; returns only to say why it can't.
    public static func run(_ command: [String]) -> SystemError {
        guard rtv_become_user(first, count) == 0 else { return SystemError("cannot make a user namespace", errno) }
        let words = command.map { $0.withPath { strdup($0) } } + [nil]
        if let program = words[0] { execvp(program, words) }
        return SystemError("cannot run \(command.first ?? "")", errno)
    }
}
