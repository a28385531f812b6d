import CSandbox
import Glibc
import Host

/// An ordinary user with subordinate ids, as the host's root can be one: in a user namespace, without a right outside.
public enum SubordinateUser {
    /// Far above users' own, and within what a container that has ids at all is given.
    private static let (first, count): (UInt32, UInt32) = (1 << 20, 65_535)

    /// Why root can't build as this user here; nil where it can.
    /// - Parameter folder: Where it would build.
    public static func obstacle(in folder: String) async -> String? {
        guard NamespaceAdvice.idCount >= Int(first + count) else { return "this root has too few user ids of its own" }
        guard let own = OwnProgram.path else { return "this program's file was removed" }
        // Without rights over the host, folders of other users' are shut to it.
        let test = ["test", "-x", own, "-a", "-x", folder, "-a", "-w", folder]
        let command = [own, HiddenCommand.user.rawValue, "unshare", "--mount", "--propagation", "unchanged"] + test
        return await Probe.succeeds(command)
            ? nil
            : "no user namespace can be made, or \(own) or \(folder) is in a folder that other users may not enter"
    }

    /// Becomes the user and runs the program; returns only to say why it can't.
    public static func run(_ command: [String]) -> SystemError {
        guard rtv_become_user(first, count) == 0 else { return SystemError("cannot make a user namespace", errno) }
        let words = command.map { $0.withPath { strdup($0) } } + [nil]
        if let program = words[0] { execvp(program, words) }
        return SystemError("cannot run \(command.first ?? "")", errno)
    }
}
