import Gate

/// The report as JSON has it: with the verdict.
struct GateJSON: Encodable {
    var version = 1
    var verdict: GateReport.Verdict
    var undecided: String
    var runtimes: [GateReport.Runtime]
    /// Reports that could not be written, where that was known in time.
    var failures: [String]

    init(_ report: GateReport) {
        verdict = report.verdict
        undecided = report.undecidedWarns ? "warn" : "fail"
        (runtimes, failures) = (report.runtimes, report.failures)
    }
}
