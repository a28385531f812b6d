import Glibc

/// Regular files alone: a pipe or a device in a file's place would be waited for.
public enum RegularFile {
    /// Opens one for reading (open(2)).
    /// - Returns: A descriptor, or -1 with errno: EINVAL for what is no regular file.
    public static func open(_ path: String) -> CInt {
        let descriptor = path.withPath { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else { return -1 }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            errno = EINVAL
            return -1
        }
        return descriptor
    }
}
