import Host
import InputStore
import Sandbox

/// The target's own package programs, asked in a sandbox: pip under its interpreter, with this host's configuration of pip,
/// and its apk. Only where wheels are resolved or fetched does the sandbox keep the host's network.
public struct TargetPrograms: Sendable {
    /// Where the packages are that they are unpacked from, and where what they fetch is kept.
    public let store: Store
    /// Nothing may come from the network.
    public let isOffline: Bool
    /// Gets what they say.
    public let events: EventSink
    private let pip: PackageQuestion.PipSettings

    /// - Parameter environment: The process's: where this host's pip looks.
    public init(store: Store, offline: Bool, environment: (String) -> String?, events: @escaping EventSink) {
        (self.store, isOffline, self.events) = (store, offline, events)
        let configuration = PipConfiguration(variables: environment)
        pip = .init(environment: configuration.environment, paths: configuration.paths)
    }

    /// - Parameters:
    ///   - name: The runtime's, for the work folder.
    ///   - use: Gets the answer, whose files are there while it runs.
    /// - Throws: `SandboxError`.
    public func ask<Value>(
        _ kind: PackageQuestion.Kind, for name: String, use: (PackageQuestion.Answer) throws -> Value
    ) async throws -> Value {
        try await PackageQuestion(kind, for: name, pip: pip).ask(in: store, events: events, use: use)
    }
}
