import Glibc
import Host

/// This program's own file. To a program that another starts, /proc/self/exe means the other.
public enum OwnProgram {
    /// Its path; nil where /proc isn't there.
    public static var path: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(path: Array(buffer[..<count])) : nil
    }
}
