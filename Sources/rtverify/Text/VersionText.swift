import Archives
import CSandbox
import ContentHash
import RuntimeSpec

/// What `--version` prints: which locks this program builds, and whose code it runs.
enum VersionText {
    static var text: String {
        var numbers: [UInt32] = [0, 0, 0]
        rtv_seccomp_version(&numbers)
        let seccomp = numbers.map(String.init).joined(separator: ".")
        return """
            rtverify \(Release.current)
            locks      formats 1 to \(Lockfile.Format.newestVersion), recipes 1 to \(Lockfile.Format.newestRecipe)
            libraries  \(SHA256Hasher.library), \(ArchiveReader.library), libseccomp \(seccomp)
            """
    }
}
