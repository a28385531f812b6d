import ContentHash

/// The agent of images that run Aleph programs: what it is compiled from, and where it is in an image.
///
/// A lock names each source by hash. What a release of rtverify ever locked stays among them, so that a lock builds with every
/// later one: another agent is another set of files, and never a change to these.
public enum AgentSources {
    /// The agent's place in an image.
    public static let program = "/usr/lib/rtverify/agent"
    /// Where what isn't compiled lies beside it.
    public static let folder = "/usr/lib/rtverify"

    /// The newest, by file name.
    static let newest: [(name: String, bytes: [UInt8])] = [
        ("agent.c", PackageResources.agent_c),
        ("agent.h", PackageResources.agent_h),
        ("asgi_exchange.py", PackageResources.asgi_exchange_py),
        ("asgi_messagepack.py", PackageResources.asgi_messagepack_py),
        ("asgi_worker.py", PackageResources.asgi_worker_py),
        ("basics.c", PackageResources.basics_c),
        ("configuration.c", PackageResources.configuration_c),
        ("configure.c", PackageResources.configure_c),
        ("http.h", PackageResources.http_h),
        ("http_answer.c", PackageResources.http_answer_c),
        ("http_exchange.c", PackageResources.http_exchange_c),
        ("http_request.c", PackageResources.http_request_c),
        ("inflate.c", PackageResources.inflate_c),
        ("machine.c", PackageResources.machine_c),
        ("msgpack.c", PackageResources.msgpack_c),
        ("network.c", PackageResources.network_c),
        ("program.c", PackageResources.program_c),
        ("relay.c", PackageResources.relay_c),
        ("requests.c", PackageResources.requests_c),
        ("session.h", PackageResources.session_h),
        ("vsock.c", PackageResources.vsock_c),
        ("zip.c", PackageResources.zip_c),
    ]

    /// What earlier agents had in the place of these, by release: guest/released/N is the Nth's, named NAME_N here.
    private static let former: [[UInt8]] = [
        PackageResources.agent_1_c, PackageResources.agent_1_h, PackageResources.asgi_worker_1_py,
        PackageResources.basics_1_c, PackageResources.configuration_1_c, PackageResources.http_1_c,
        PackageResources.msgpack_1_c,
    ]

    /// As a lock lists them.
    public static var inputs: [Lockfile.Input] { newest.map { Lockfile.Input(path: $0.name, of: $0.bytes) } }

    /// A locked source's bytes; nil where no rtverify up to this one had it.
    public static func bytes(of input: Lockfile.Input) -> [UInt8]? {
        (newest.map(\.bytes) + former).first { $0.count == input.size && Digest.of($0) == input.sha256 }
    }

    /// SHA-256 of the programs that released sources were compiled to, by the packages that releases locked.
    public static let programs: Set<String> = [
        "ca05d6bce04e5b115f527cad137d5ffa46399449936bb4a008d5e5dce0772a61",
        "5484b71dc939b717a6ca407c6d50d44b34832c430ffc3c5d7333be8915bbfeb0",
    ]

    /// Whether a source isn't compiled, and lies in the image as it is.
    public static func isInstalled(_ input: Lockfile.Input) -> Bool { input.path.hasSuffix(".py") }

    /// The package whose program compiles the agent, and the one with the C library that it is linked with: Debian 12's,
    /// whatever an image's base is.
    public static let (compiler, library) = ("tcc", "musl-dev")
}
