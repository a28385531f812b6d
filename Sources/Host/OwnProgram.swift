import Glibc

/// This program's own file. To a program that another starts, /proc/self/exe means the other.
public enum OwnProgram {
    /// Where a program that this one starts itself finds it, whatever became of the file's name.
    public static let link = "/proc/self/exe"

    /// Its path for a program that starts it in turn; nil where its file was removed or replaced, or /proc isn't there.
    public static var path: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(link, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let path = String(path: Array(buffer[..<count]))
        var (own, named) = (stat(), stat())
        if stat(link, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino, own.st_dev == named.st_dev {
            return path
        }
        // Root may look through other processes' links, and a user of namespaces may not.
        guard getuid() == 0, case let count = readlink("/proc/self", &buffer, buffer.count), count > 0 else {
            return nil
        }
        return "/proc/\(String(path: Array(buffer[..<count])))/exe"
    }
}
