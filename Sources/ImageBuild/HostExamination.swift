import CLinux
import Glibc
import Host
import Mirrors
import RootfsBuild
import Sandbox
import Subprocess
import SystemPackage

/// What a host needs for lock, build, verify and boot, looked at.
public struct HostExamination {
    /// One need.
    public struct Finding: Codable, Equatable, Sendable {
        /// What is needed, and for what.
        public var need: String
        /// The commands that need it.
        public var commands: [String]
        /// Whether it is there.
        public var present: Bool
        /// Whether rtverify is of use without it: what only `boot` needs is no lack of a host that builds.
        public var optional = false
        /// Its version, or what is wrong.
        public var detail: String
        /// The one command that mends it.
        public var remedy: String?
    }

    private let store: String

    /// - Parameter store: The folder that a build would use; it need not be there.
    public init(store: String) { self.store = store }

    /// Every need, in the order of the pipeline.
    public func findings() async -> [Finding] {
        var findings = [
            await program("apt-get", for: ["lock"], package: "apt", purpose: "resolves packages"),
            await program("gpgv", for: ["lock"], package: "gpgv", purpose: "checks signatures"),
            keyrings(), mirrors(),
            await program("unshare", for: ["build"], package: "util-linux", purpose: "makes the sandbox"),
        ]
        if getuid() != 0 {
            findings.append(await program("newuidmap", for: ["build"], package: "uidmap", purpose: "subordinate ids"))
            findings += [
                subordinateIDs("/etc/subuid", "--add-subuids"), subordinateIDs("/etc/subgid", "--add-subgids"),
            ]
        }
        findings.append(await namespaces())
        findings.append(space())
        findings.append(certificates())
        var machine = await program(
            "qemu-system-x86_64", for: ["boot", "run"], package: "--no-install-recommends qemu-system-x86",
            purpose: "starts an image")
        machine.optional = true
        findings.append(machine)
        return findings
    }

    private func program(_ name: String, for commands: [String], package: String, purpose: String) async -> Finding {
        let result = try? await run(
            .name(name), arguments: ["--version"], output: .string(limit: 1 << 16), error: .discarded)
        let version = result?.standardOutput.split(separator: "\n").first.map(String.init)
        // newuidmap has no --version; that it runs is what counts.
        return Finding(
            need: "\(name) (\(commands.joined(separator: ", ")): \(purpose))", commands: commands,
            present: result != nil, detail: result == nil ? "not found" : version ?? "present",
            remedy: result == nil ? "apt-get install \(package)" : nil)
    }

    private func keyrings() -> Finding {
        let names = Folder.names(in: "/usr/share/keyrings").filter { $0.hasPrefix("debian-archive") }
        return Finding(
            need: "the Debian archive's keys (lock: checks signatures)", commands: ["lock"], present: !names.isEmpty,
            detail: names.isEmpty ? "none in /usr/share/keyrings" : "\(names.count) keyrings",
            remedy: names.isEmpty ? "apt-get install debian-archive-keyring" : nil)
    }

    private func subordinateIDs(_ path: String, _ option: String) -> Finding {
        let name = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
        let line = (try? SmallFile.text(path))?.split(separator: "\n").first {
            $0.hasPrefix("\(name):") || $0.hasPrefix("\(getuid()):")
        }
        let count = line?.split(separator: ":").last.flatMap { Int($0) } ?? 0
        let enough = count >= 65_536
        return Finding(
            need: "subordinate ids in \(path) (build without root)", commands: ["build"], present: enough,
            detail: line.map { "\($0)" } ?? "none for \(name)",
            remedy: enough ? nil : "usermod \(option) 100000-165535 \(name)   (as root)")
    }

    private func namespaces() async -> Finding {
        let command =
            (getuid() == 0 ? ["unshare"] : Namespaces.userNamespace)
            + [
                "--mount", "--propagation", "unchanged", "--pid", "--net", "--uts", "--ipc", "--fork", "--mount-proc",
                "true",
            ]
        let result = try? await run(
            .name(command[0]), arguments: Arguments(Array(command.dropFirst())), output: .discarded,
            error: .string(limit: 4096))
        let works = result?.terminationStatus.isSuccess == true
        let lines = result?.standardError.split(separator: "\n").map(String.init) ?? ["unshare can't be run"]
        let advice = NamespaceAdvice(lines)
        return Finding(
            need: "namespaces (build: the sandbox)", commands: ["build"], present: works,
            detail: works ? "they can be made" : "\(advice.reason): \(lines.first ?? "")",
            remedy: works ? nil : advice.remedy)
    }

    private func mirrors() -> Finding {
        let count = HostSources.mirrors().count + HostSources.mirrorLists().count
        var finding = Finding(
            need: "Debian mirrors of this host's apt (lock, build: inputs)", commands: ["lock", "build"],
            present: count > 0,
            detail: count > 0 ? "\(count) found" : "none: its apt is another distribution's, or names none",
            remedy: count > 0 ? nil : "name one with --mirror URL, or in ~/.config/rtverify/mirrors")
        // The snapshot archive has what locks name, if slowly.
        finding.optional = true
        return finding
    }

    private func space() -> Finding {
        // The store need not be there yet: the folder that it would be made in.
        var (folder, status) = (Paths.absolute(store), statvfs())
        while access(folder, F_OK) != 0, folder != "/" { folder = Paths.parent(of: folder) }
        let need = "space in \(store) (build: inputs and trees)"
        guard statvfs(folder, &status) == 0 else {
            return Finding(
                need: need, commands: ["lock", "build"], present: false,
                detail: "\(folder) can't be looked at: \(String(cString: strerror(errno)))",
                remedy: "choose another place: --store DIR")
        }
        let free = DiskWatch.free(folder, isPrivileged: false) ?? 0
        let isExecutable = getuid() == 0 || folder.withPath({ rtv_is_noexec($0) }) == 0
        let enough = free > 4_000_000_000
        let size = "\(free / 1_000_000_000) GB free; the official Debian 12 set takes 3"
        return Finding(
            need: need, commands: ["lock", "build"], present: enough && isExecutable,
            detail: isExecutable ? size : "its file system is mounted noexec, and an image's programs must run there",
            remedy: enough && isExecutable
                ? nil
                : "choose a place with room" + (isExecutable ? "" : " that isn't mounted noexec") + ": --store DIR")
    }

    private func certificates() -> Finding {
        let paths = [
            environmentValue("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
        ].compactMap { $0 }
        let found = paths.first { access($0, R_OK) == 0 }
        return Finding(
            need: "a certificate bundle (https mirrors)", commands: ["lock", "build", "verify"], present: found != nil,
            detail: found ?? "none found", remedy: found == nil ? "apt-get install ca-certificates" : nil)
    }
}
