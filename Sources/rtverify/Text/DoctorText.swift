import ImageBuild

/// A diagnosis for a terminal.
enum DoctorText {
    static func lines(_ findings: [HostExamination.Finding]) -> [String] {
        findings.flatMap { finding in
            let word = finding.present ? "ok     " : finding.optional ? "absent " : "MISSING"
            return ["\(word) \(finding.need): \(finding.detail)"] + (finding.remedy.map { ["        \($0)"] } ?? [])
        }
    }
}
