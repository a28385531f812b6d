"""The package's changelog in Debian's form, from CHANGELOG.md: its newest part is this release's.

Usage: changelog.py CHANGELOG.md VERSION MAINTAINER SECONDS
"""
import email.utils
import re
import sys
import textwrap

path, version, maintainer, seconds = sys.argv[1:]
lines = open(path).read().split("\n## ")[1].splitlines()[1:]
print(f"rtverify ({version}) unstable; urgency=medium\n")
entries, entry = [], None
for line in lines:
    if line.startswith("### "):
        entries.append(("", line[4:]))
    elif line.startswith("- "):
        entries.append(("*", line[2:]))
    elif line.strip() and entries:
        kind, said = entries.pop()
        entries.append((kind, said + " " + line.strip()))
for kind, said in entries:
    said = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", said)
    if kind:
        print("\n".join(textwrap.wrap(said, 76, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False,
                                      break_long_words=False)))
    else:
        print(f"\n  [ {said} ]")
date = email.utils.formatdate(int(seconds)).replace("-0000", "+0000")
print(f"\n -- {maintainer}  {date}")
