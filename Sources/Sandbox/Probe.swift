import Host
import Subprocess
import SystemPackage

/// Tries whether something can be done here, by doing it.
public enum Probe {
    /// Whether a command ends with 0; its words go nowhere.
    public static func succeeds(_ command: [String]) async -> Bool {
        guard let program = command.first else { return false }
        let result = try? await run(
            program.hasPrefix("/") ? .path(FilePath(platformString: program.pathCString)) : .name(program),
            arguments: Arguments(command.dropFirst().map(\.pathArgument)),
            environment: .custom(["PATH": Namespaces.searchPath]), output: .discarded, error: .discarded)
        return result?.terminationStatus.isSuccess == true
    }
}
