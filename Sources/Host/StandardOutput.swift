import Glibc

/// What a program prints that is no text of its own.
public enum StandardOutput {
    /// Whether a person sees it at once.
    public static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// Writes all of a file, from its beginning on. The stream may be non-blocking, and its reader slow.
    /// - Parameter isOver: Asked while it is waited whether nobody wants it any more.
    /// - Throws: `SystemError` where it can't be written, `CancellationError`.
    public static func copy(from descriptor: CInt, isOver: () -> Bool) throws {
        if isTerminal { ProgressDisplay.leaveTerminal() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 4096)
        defer { buffer.deallocate() }
        var place = 0
        while true {
            var ready = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
            while poll(&ready, 1, 200) == 0 { if isOver() { throw CancellationError() } }
            // No more than a pipe takes at once, so that a blocking one doesn't block for a slow reader.
            let count = pread(descriptor, buffer.baseAddress, Int(PIPE_BUF), off_t(place))
            if count == 0 { return }
            guard count > 0 else { throw SystemError("cannot read what is to be written", errno) }
            let written = Glibc.write(STDOUT_FILENO, buffer.baseAddress, count)
            if written < 0, errno != EAGAIN, errno != EINTR {
                throw SystemError("cannot write to standard output", errno)
            }
            place += max(0, written)
        }
    }

    /// Writes bytes as they are. The stream may be non-blocking: whoever shares the terminal (QEMU) may have made it so.
    public static func write(_ bytes: UnsafeRawBufferPointer) {
        if isTerminal { ProgressDisplay.leaveTerminal() }
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
