import Glibc
import InputStore
import Subprocess
import SystemPackage

/// What a host needs for lock, build, verify and boot, looked at.
public struct HostExamination {
    /// One need.
    public struct Finding: Codable, Equatable, Sendable {
        public var need: String
        /// The commands that need it.
        public var commands: [String]
        public var present: Bool
        /// Whether rtverify is of use without it: what only `boot` needs is no lack of a host that builds.
        public var optional = false
        /// Its version, or what is wrong.
        public var detail: String
        /// The one command that mends it.
        public var remedy: String?
    }

    private let store: String

    public init(store: String) { self.store = store }

    /// Every need, in the order of the pipeline.
    public func findings() async -> [Finding] {
        var findings = [
            await program("apt-get", for: ["lock"], package: "apt", purpose: "resolves packages"),
            await program("gpgv", for: ["lock"], package: "gpgv", purpose: "checks signatures"),
            keyrings(),
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
            "qemu-system-x86_64", for: ["boot"], package: "--no-install-recommends qemu-system-x86",
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
        let names = HostSources.names(in: "/usr/share/keyrings").filter { $0.hasPrefix("debian-archive") }
        return Finding(
            need: "the Debian archive's keys (lock: checks signatures)", commands: ["lock"], present: !names.isEmpty,
            detail: names.isEmpty ? "none in /usr/share/keyrings" : "\(names.count) keyrings",
            remedy: names.isEmpty ? "apt-get install debian-archive-keyring" : nil)
    }

    private func subordinateIDs(_ path: String, _ option: String) -> Finding {
        let name = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
        let line = (try? Paths.readText(path))?.split(separator: "\n").first {
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
            (getuid() == 0 ? ["unshare"] : Sandbox.userNamespace)
            + ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "true"]
        let result = try? await run(
            .name(command[0]), arguments: Arguments(Array(command.dropFirst())), output: .discarded,
            error: .string(limit: 4096))
        let works = result?.terminationStatus.isSuccess == true
        let reason = result?.standardError.split(separator: "\n").first.map(String.init) ?? "unshare can't be run"
        return Finding(
            need: "namespaces (build: the sandbox)", commands: ["build"], present: works,
            detail: works ? "they can be made" : reason,
            remedy: works
                ? nil
                : getuid() == 0
                    ? "run on a host, or in a container with CAP_SYS_ADMIN"
                    : "sysctl kernel.unprivileged_userns_clone=1   (as root)")
    }

    private func space() -> Finding {
        var status = statvfs()
        statvfs(store, &status)
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        let enough = free > 4_000_000_000
        return Finding(
            need: "space in \(store) (build: inputs and trees)", commands: ["lock", "build"], present: enough,
            detail: "\(free / 1_000_000_000) GB free; the official Debian 12 set takes 3",
            remedy: enough ? nil : "choose a place with room: --store DIR")
    }

    private func certificates() -> Finding {
        let paths = [
            getenv("SSL_CERT_FILE").map { String(cString: $0) }, "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
        ].compactMap { $0 }
        let found = paths.first { access($0, R_OK) == 0 }
        return Finding(
            need: "a certificate bundle (https mirrors)", commands: ["lock", "build", "verify"], present: found != nil,
            detail: found ?? "none found", remedy: found == nil ? "apt-get install ca-certificates" : nil)
    }
}
