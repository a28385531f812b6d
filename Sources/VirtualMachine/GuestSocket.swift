import Glibc
import Host

/// A stream socket of this host's file system, by which a machine's vsock is reached.
final class GuestSocket: Sendable {
    private let descriptor: CInt

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    private static func address(_ path: String) throws -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = path.pathBytes
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw MachineError.socketPath(path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    private static func with<Value>(_ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Value) throws
        -> Value
    {
        var address = try address(path)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func open() throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError("cannot open a socket", errno) }
        return descriptor
    }

    /// A socket that is listened on.
    static func listening(at path: String) throws -> GuestSocket {
        let socket = GuestSocket(try open())
        guard try with(path, { bind(socket.descriptor, $0, $1) }) == 0, listen(socket.descriptor, 128) == 0 else {
            throw SystemError("cannot listen on \(path)", errno)
        }
        return socket
    }

    /// A connection; nil where nobody listens.
    static func connected(to path: String) throws -> GuestSocket? {
        let socket = GuestSocket(try open())
        return try with(path, { connect(socket.descriptor, $0, $1) }) == 0 ? socket : nil
    }

    /// Ends both ways, so that whoever waits for it goes on.
    func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// Waits until something can be read. False where the time is over.
    private func wait(until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = min(left.components.seconds * 1000 + 999, 3_600_000)
            let count = poll(&waiting, 1, CInt(milliseconds))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return true }
        }
    }

    /// The next connection; nil where the time is over.
    func accept(until deadline: ContinuousClock.Instant) -> GuestSocket? {
        guard wait(until: deadline) else { return nil }
        let descriptor = Glibc.accept(self.descriptor, nil, nil)
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return GuestSocket(descriptor)
    }

    /// False where the other side takes no more.
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// What comes next; empty at the end, nil where the time is over.
    func receive(_ most: Int = 1 << 18, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        guard wait(until: deadline) else { return nil }
        return [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            var got = -1
            repeat { got = recv(descriptor, buffer.baseAddress, most, 0) } while got < 0 && errno == EINTR
            count = max(0, got)
        }
    }

    /// All that comes; nil where the time is over before the end.
    func receiveAll(until deadline: ContinuousClock.Instant) -> [UInt8]? {
        var all: [UInt8] = []
        while let part = receive(until: deadline) {
            if part.isEmpty { return all }
            all += part
        }
        return nil
    }
}
