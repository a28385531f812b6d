import Host

/// A path for people: what is no UTF-8, and control characters, as `\xNN`.
package func readable(_ path: [UInt8]) -> String { "/" + TerminalText.report(path) }
