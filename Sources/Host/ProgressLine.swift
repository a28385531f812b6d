/// A phase as one line of a terminal: name, bar, amount, rate, time left.
package struct ProgressLine {
    let name: String
    let total: Int
    let unit: ProgressUnit
    /// How much of `total`.
    package var done = 0
    let started: ContinuousClock.Instant

    /// - Parameters:
    ///   - name: What a terminal may be given.
    ///   - total: What `done` counts up to; 0 where nobody knows.
    package init(name: String, total: Int, unit: ProgressUnit, started: ContinuousClock.Instant = .now) {
        (self.name, self.total, self.unit, self.started) = (name, total, unit, started)
    }

    /// What is drawn, and how many columns it takes.
    package struct Shown: Equatable {
        package let name: String
        package let rest: String
        package var columns: Int { ProgressLine.columns(name) + ProgressLine.columns(rest) }
    }

    /// The bar's columns between its brackets, where there is room and where there is little.
    private static let bars = (wide: 20, narrow: 8)
    /// Of a name that must be shortened, so many columns stay before anything else goes.
    private static let shortestName = 24

    /// The line, in so many columns at most: what doesn't fit goes, first of all most of the bar, then amount and rate; a name
    /// that is still too long is shortened in its midst, where URLs and paths say least.
    package func shown(columns: Int, now: ContinuousClock.Instant = .now) -> Shown {
        let elapsed = Self.seconds(from: started, to: now)
        let parts = amounts(after: Double(elapsed) / 10)
        let time = "  \(elapsed / 10).\(elapsed % 10) s"
        let (percent, amount, rate, left) = (parts.percent, parts.amount, parts.rate, parts.left)
        let (wide, narrow) = (meter(Self.bars.wide), meter(Self.bars.narrow))
        let forms = [
            wide + percent + amount + rate + time + left, narrow + percent + amount + rate + time + left,
            narrow + percent + rate + time + left, narrow + percent + time + left, percent + time, "",
        ]
        let needed = min(Self.columns(name), Self.shortestName)
        let rest = forms.first { Self.columns($0) + needed <= columns } ?? ""
        return Shown(name: Self.shortened(name, to: max(1, columns - Self.columns(rest))), rest: rest)
    }

    private func meter(_ columns: Int) -> String {
        guard total > 0 else { return "" }
        let filled = columns * min(done, total) / total
        return "  [" + String(repeating: "#", count: filled) + String(repeating: "-", count: columns - filled) + "]"
    }

    private func amounts(after seconds: Double) -> (percent: String, amount: String, rate: String, left: String) {
        guard total > 0 else { return ("", "", "", "") }
        let done = min(done, total)
        let percent = "  \(done * 100 / total) %"
        // Of the first second nothing follows.
        let isKnown = seconds >= 1 && done > 0
        let left = isKnown && done < total ? ", \(Self.clock(seconds * Double(total - done) / Double(done))) left" : ""
        switch unit {
        case .parts: return (percent, "", "", left)
        case .packages: return (percent, "  \(done) of \(total)", "", left)
        case .received, .sent:
            let rate = isKnown ? "  \(readableByteCount(Int(Double(done) / seconds)))/s" : ""
            return (percent, "  \(readableByteCount(done)) of \(readableByteCount(total))", rate, left)
        }
    }

    /// `1:05`.
    private static func clock(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 359_999).rounded(.up))
        let rest = seconds % 60
        return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Tenths.
    private static func seconds(from start: ContinuousClock.Instant, to end: ContinuousClock.Instant) -> Int {
        max(0, Int(start.duration(to: end) / .milliseconds(100)))
    }

    /// As `12.3`.
    static func seconds(since start: ContinuousClock.Instant) -> String {
        let tenths = seconds(from: start, to: .now)
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// Columns of a text that is safe for a terminal: scripts that begin with Hangul's may be drawn two columns wide.
    static func columns(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + columns($1) } }

    private static func columns(_ scalar: UnicodeScalar) -> Int { scalar.value < 0x1100 || scalar == "…" ? 1 : 2 }

    /// A text with its midst left out, where it is too long.
    package static func shortened(_ text: String, to columns: Int) -> String {
        guard Self.columns(text) > columns else { return text }
        let scalars = Array(text.unicodeScalars)
        var (head, tail) = (String.UnicodeScalarView(), [UnicodeScalar]())
        var (first, last, room) = (0, scalars.count - 1, columns - 1)
        // From both ends by turns; the end, where the file's name is, first.
        while first <= last {
            let (atEnd, atStart) = (scalars[last], scalars[first])
            if tail.count <= head.count {
                guard Self.columns(atEnd) <= room else { break }
                tail.append(atEnd)
                (last, room) = (last - 1, room - Self.columns(atEnd))
            } else {
                guard Self.columns(atStart) <= room else { break }
                head.append(atStart)
                (first, room) = (first + 1, room - Self.columns(atStart))
            }
        }
        var shown = String(head) + "…"
        shown.unicodeScalars.append(contentsOf: tail.reversed())
        return shown
    }
}
