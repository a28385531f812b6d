import Glibc

/// What a program prints that is no text of its own.
public enum StandardOutput {
    /// Writes all of a file, from its beginning on.
    /// - Throws: `SystemError` where either can't be done.
    public static func copy(from descriptor: CInt) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var place = 0
        do {
            while case let count = try OpenFile.read(descriptor, at: place, into: buffer), count > 0 {
                try OpenFile.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: STDOUT_FILENO)
                place += count
            }
        } catch { throw SystemError("cannot write to standard output", error.rawValue) }
    }

    /// Writes bytes as they are. The stream may be non-blocking: whoever shares the terminal (QEMU) may have made it so.
    public static func write(_ bytes: UnsafeRawBufferPointer) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0, errno == EAGAIN {
                var ready = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, 1000)
            } else if count < 0, errno != EINTR {
                return
            } else {
                done += max(0, count)
            }
        }
    }
}
