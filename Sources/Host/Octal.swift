/// Permission bits as people write them.
public enum Octal {
    /// Octal digits, zeros before them up to a width: `0644`.
    public static func text(_ mode: Int, width: Int = 4) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
