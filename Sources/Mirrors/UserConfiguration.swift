import Glibc
import Host

/// The user's own settings: `~/.config/rtverify/mirrors`, a mirror a line, `#` for comments.
public enum UserConfiguration {
    /// The mirrors, in order; none when there is no such file.
    public static func mirrors(environment: (String) -> String?) throws -> [Mirror] {
        let folder = environment("XDG_CONFIG_HOME") ?? "\(environment("HOME") ?? "/root")/.config"
        let path = "\(folder)/rtverify/mirrors"
        guard access(path, F_OK) == 0 else { return [] }
        return try SmallFile.text(path).split(separator: "\n").compactMap { line in
            let text = line.prefix { $0 != "#" }.filter { $0 != " " && $0 != "\t" }
            return text.isEmpty ? nil : Mirror(text)
        }
    }
}
