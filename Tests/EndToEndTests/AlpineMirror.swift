import Foundation
import XCTest

/// The real Alpine files that lie beside the checkout, where they do.
enum AlpineMirror {
    static let folder = "\(Workbench.checkout)/../shared/alpine"
    static let minirootfs = "v3.20/releases/x86_64/alpine-minirootfs-3.20.3-x86_64.tar.gz"

    /// Skips the test where the files aren't there, as in a user's clone.
    static func require() throws {
        guard FileManager.default.fileExists(atPath: "\(folder)/\(minirootfs)") else {
            throw XCTSkip("Alpine's minirootfs isn't beside the checkout (../shared/alpine)")
        }
    }
}

/// Mirrors beside the checkout, where they are: of the packages in the locks, which leave the archive's own mirrors as the
/// suites move on, and of Alpine.
enum SharedMirrors {
    static var options: [String] {
        [AlpineMirror.folder, "\(Workbench.checkout)/../shared/archive"]
            .filter { FileManager.default.fileExists(atPath: $0) }.flatMap { ["--mirror", $0] }
    }
}

extension TestArchive {
    /// A manifest for an Alpine base, whose packer comes from the archive.
    func alpineManifest(
        release: String = "3.20", more: String = "keys = [\"test.rsa.pub\"]",
        rest: String = "[packages]\ninstall = [\"rtv-programs\"]\n[init]"
    ) throws {
        try manifest([])
        let toolchain = try bench.read("runtime.toml").split(separator: "[toolchain]")[1]
        try bench.write(
            """
            [runtime]
            name = "a"
            [base]
            system = "alpine"
            release = "\(release)"
            \(more)
            \(rest)
            [toolchain]\(toolchain)
            """, to: "runtime.toml")
    }
}
