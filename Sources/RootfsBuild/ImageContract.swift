import InputStore
import RuntimeSpec
import Sandbox

/// What a build must not carry and what must have one content. Each line has its reason.
package enum ImageContract {
    /// Removed from an image.
    package static func removals(for system: Manifest.System) -> [ChrootTask] {
        system == .debian ? debianRemovals : commonRemovals
    }

    /// Of a system that was made elsewhere, only what no image may have.
    private static let commonRemovals: [ChrootTask] = [
        .remove(Root.privateFolder),
        .removeEntries(of: "/etc/ssh", prefix: "ssh_host_", suffix: "_key"),
        .removeEntries(of: "/etc/ssh", prefix: "ssh_host_", suffix: "_key.pub"),
        // Where apk keeps what it could download again.
        .emptyFolder("/var/cache/apk"),
        // apk 3's log of when it ran.
        .remove("/var/log/apk.log"),
        .emptyFolder("/run"), .emptyFolder("/tmp"), .emptyFolder("/var/tmp"),
    ]

    private static let debianRemovals: [ChrootTask] = [
        // The builder's own.
        .remove(Root.privateFolder),
        .remove(RootfsAssembly.servicePolicy),
        // Logs of the installation: times of this build (dpkg(1), update-alternatives(1), apt, fontconfig).
        .remove("/var/log/dpkg.log"),
        .remove("/var/log/alternatives.log"),
        .remove("/var/log/bootstrap.log"),
        .remove("/var/log/fontconfig.log"),
        .prune("/var/log/apt"),
        // ldconfig's cache of inode numbers and change times: never the same twice.
        .remove("/var/cache/ldconfig/aux-cache"),
        // What apt would download again: keyed by times, and of no use in a read-only root.
        .prune("/var/lib/apt/lists"),
        .prune("/var/cache/apt"),
        // Backups of what was a moment before.
        .removeEntries(of: "/var/lib/dpkg", prefix: "", suffix: "-old"),
        .removeEntries(of: "/var/cache/debconf", prefix: "", suffix: "-old"),
        .remove("/etc/passwd-"), .remove("/etc/group-"), .remove("/etc/shadow-"), .remove("/etc/gshadow-"),
        .remove("/etc/subuid-"), .remove("/etc/subgid-"),
        // Secrets that would be everybody's: each VM makes its own (facts.md: the official image publishes its keys).
        .removeEntries(of: "/etc/ssh", prefix: "ssh_host_", suffix: "_key"),
        .removeEntries(of: "/etc/ssh", prefix: "ssh_host_", suffix: "_key.pub"),
        .remove("/var/lib/systemd/random-seed"),
        .remove("/var/lib/dbus/machine-id"),
        // State of a running system, which this one never was.
        .prune("/run"), .prune("/tmp"), .prune("/var/tmp"),
    ]

    /// Says what of a step's or a package's own goes all the same, and why. Logs and caches of the installation are nobody's own.
    static func notes(for system: Manifest.System) -> [ChrootTask] {
        let keys = ["_key", "_key.pub"].map { suffix in
            ChrootTask.noteEntries(
                of: "/etc/ssh", prefix: "ssh_host_", suffix: suffix, reason: "removed: it would be everybody's host key"
            )
        }
        guard system == .debian else { return keys }
        return keys
            + ["/var/lib/systemd/random-seed", "/var/lib/dbus/machine-id"].map {
                .note(path: $0, unless: [], reason: "removed: each machine makes its own")
            }
    }

    /// Puts one of `written` into an image.
    static func writing(_ file: (path: String, bytes: [UInt8]), recipe: Int) -> [ChrootTask] {
        let bytes = file.bytes
        let write = ChrootTask.write(path: file.path, mode: 0o644, bytes: bytes)
        // machine-id(5): these two say that the machine has none yet.
        let noIdentity = [[], Array("uninitialized\n".utf8)]
        if file.path == machineID {
            return [
                .note(path: file.path, unless: noIdentity, reason: "emptied: each machine makes its own"),
                recipe > 1
                    ? .writeUnlessThere(path: file.path, mode: 0o644, bytes: bytes, kept: noIdentity) : write,
            ]
        }
        if recipe > 1 { return [.writeUnlessThere(path: file.path, mode: 0o644, bytes: bytes, kept: nil)] }
        return [
            .note(
                path: file.path, unless: [bytes], reason: "replaced: recipe 1 writes it anew; a lock made now keeps it"),
            write,
        ]
    }

    private static let machineID = "/etc/machine-id"

    /// Written into every image, unless the manifest names a file of that path.
    package static func written(for lock: Lockfile) -> [(path: String, text: String)] {
        let resolver = ("/etc/resolv.conf", "# Written by the init of the virtual machine.\n")
        switch lock.system {
        // Its own packages or its maker wrote the rest.
        case .alpine: return [resolver]
        case .tarball, .empty: return []
        case .debian: break
        }
        return [
            // The builder's name must not get in.
            ("/etc/hostname", "localhost\n"),
            ("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
            // The builder's resolver must not get in; the VM's init knows the network's.
            resolver,
            // Empty means: this machine has no identity yet (machine-id(5)).
            (machineID, ""),
            // The state that the packages came from, wherever they were fetched.
            ("/etc/apt/sources.list", sources(of: lock)),
        ]
    }

    /// apt's sources of other people's archives, each with its key and no other (sources.list(5), signed-by), so that the image
    /// says where they came from.
    /// - Throws: `StoreError`.
    static func thirdParties(of lock: Lockfile, from store: Store) throws -> [(path: String, bytes: [UInt8])] {
        var (files, names) = ([(path: String, bytes: [UInt8])](), Set<String>())
        for archive in lock.thirdPartyArchives {
            // Several states of one archive have one source.
            let name = archive.ownName
            guard let thirdParty = archive.thirdParty, names.insert(name).inserted else { continue }
            var signer = archive.keys.joined(separator: ",")
            if let key = thirdParty.key {
                guard let bytes = try store.bytes(of: key) else {
                    throw StoreError.changedObject(path: store.path(of: key.sha256), name: key.path)
                }
                // apt takes armored keys in a file of that name alone; packets begin with a set bit (RFC 9580 4.2).
                signer = "/etc/apt/keyrings/\(name).\((bytes.first ?? 0) < 0x80 ? "asc" : "gpg")"
                files.append((signer, bytes))
            }
            let place = ([thirdParty.url, archive.suite] + archive.components).joined(separator: " ")
            files.append(
                ("/etc/apt/sources.list.d/\(name).list", Array("deb [signed-by=\(signer)] \(place)\n".utf8)))
        }
        return files
    }

    private static func sources(of lock: Lockfile) -> String {
        lock.baseArchives.map { archive in
            let family = DebianArchiveFamily(suite: archive.suite).rawValue
            return "deb [check-valid-until=no] https://snapshot.debian.org/archive/\(family)/\(archive.snapshot)/ "
                + "\(archive.suite) \(archive.components.joined(separator: " "))\n"
        }.joined()
    }
}
