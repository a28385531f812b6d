"""The package's copyright file: this program's licence and those of all that is linked into it, from the sources at hand.

Usage: copyright.py CHECKOUTS: SwiftPM's folder of the packages that packaging/dependencies names.
"""
import os
import re
import sys

checkouts = sys.argv[1]
APACHE = "Apache-2.0, as in /usr/share/common-licenses/Apache-2.0"
# C libraries whose code is in the program, by Debian's package of them; the others are shared, and have packages of their own.
LIBRARIES = ["libsquashfs-dev", "libseccomp-dev", "libsecp256k1-dev"]
# Swift packages that the build needs and the program doesn't have.
TOOLS = {"swift-docc-plugin", "swift-docc-symbolkit"}


def holders(folder):
    """Who the first lines of a package's sources name."""
    found = set()
    for place, folders, files in os.walk(os.path.join(folder, "Sources")):
        folders.sort()
        for name in files:
            if name.endswith((".swift", ".h", ".c", ".cc", ".cpp", ".hpp")):
                with open(os.path.join(place, name), errors="replace") as file:
                    head = file.read(4096)
                for line in re.findall(
                    r"(?im)^[\s/*#;-]*copyright (?:(?:\(c\)|©) ?(?:[\d, -]+)?|[\d, -]{4,})(?:by )?(.*?)[\s*/]*$", head
                ):
                    line = re.sub(r"\s*(All rights reserved|All Rights Reserved).*", "", line.strip(" .,*"))
                    if 3 < len(line) < 100 and not re.match(r"(and|YEARS?)\b", line):
                        found.add(line)
    return sorted(found)


def own_licences(folder):
    """Licences that files of a package have by themselves, in their first comment; each once."""
    found = {}
    marks = ("Permission is hereby granted", "Permission to use, copy", "Redistribution and use", "provided 'as-is'")
    for place, folders, files in os.walk(os.path.join(folder, "Sources")):
        folders.sort()
        for name in sorted(files):
            if not name.endswith((".swift", ".h", ".c", ".cc", ".cpp", ".hpp", ".S")):
                continue
            with open(os.path.join(place, name), errors="replace") as file:
                head = file.read(16384)
            block = re.match(r"\s*(/\*.*?\*/|(?:\s*//[^\n]*\n)+)", head, flags=re.S)
            if block is None or not any(mark in block[1] for mark in marks):
                continue
            lines = [re.sub(r"^\s*(?:/\*+|\*+/|\*|//+)?\s?|\s*\*+/\s*$", "", line).rstrip() for line in block[1].split("\n")]
            found.setdefault("\n".join(lines).strip("\n"), os.path.relpath(os.path.join(place, name), folder))
    return [f"{name}:\n\n{text}" for text, name in found.items()]


def section(title, *paragraphs):
    print("\n" + title + "\n" + "-" * len(title) + "\n")
    print("\n\n".join(part.strip("\n") for part in paragraphs if part.strip()))


def text(*path):
    with open(os.path.join(*path), errors="replace") as file:
        return "\n".join(line.rstrip() for line in file).strip("\n")


print("rtverify: reproducible builds of Aleph runtimes, and their verification.\n")
print("Copyright: 2026 the rtverify authors\nLicence: " + APACHE)
print("\nThe program has the following in it, linked in. What it loads at run time comes with packages of its own.")

for line in open("packaging/dependencies"):
    if line.startswith("#"):
        continue
    name, version, _, place = line.split()
    folder = next((os.path.join(checkouts, n) for n in os.listdir(checkouts) if n.lower() == name), None)
    if name in TOOLS:
        continue
    if folder is None:
        sys.exit(f"copyright.py: {name} is not in {checkouts}")
    licence = next(n for n in sorted(os.listdir(folder)) if n.upper().startswith("LICENSE"))
    licence = text(folder, licence)
    notice = text(folder, "NOTICE.txt") if os.path.exists(os.path.join(folder, "NOTICE.txt")) else ""
    parts = ["From: " + re.sub(r"\.git$", "", place)]
    if "Apache License" in licence:
        who = holders(folder)
        parts += ["Copyright:\n" + "\n".join("  " + line for line in who) if who else "", "Licence: " + APACHE]
    else:
        parts.append(licence)
    for place, folders, files in sorted(os.walk(os.path.join(folder, "Sources"))):
        for file in sorted(files):
            if file.upper().startswith("LICENSE"):
                parts.append(f"{os.path.relpath(place, folder)}:\n\n" + text(place, file))
    parts += own_licences(folder)
    if notice:
        parts.append("Its notice:\n\n" + notice)
    section(f"{name} {version}", *parts)

swift = os.path.realpath(os.popen("command -v swift").read().strip())
licence = text(os.path.dirname(swift), "../share/swift/LICENSE.txt")
section(
    "Swift's standard library, libdispatch and FoundationEssentials", "From: https://www.swift.org",
    "Copyright: Apple Inc. and the Swift project authors", "Licence: " + APACHE + ", with this exception:",
    licence[licence.index("As an exception"):])
for library in LIBRARIES:
    section(library.removesuffix("-dev"), "As Debian's package of it says:", text("/usr/share/doc", library, "copyright"))
