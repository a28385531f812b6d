"""Manual pages as manuals of programs with subcommands are named: rtverify-lock-draft.1, and not rtverify.lock.draft.1.

Usage: pages.py FROM TO: folders; what the generator wrote, and where it goes.
"""
import os
import re
import sys

source, target = sys.argv[1:]
for name in sorted(os.listdir(source)):
    # `rtverify help` is --help.
    if name == "rtverify.help.1":
        continue
    command = name.removesuffix(".1")
    page = open(os.path.join(source, name)).read()
    # References to pages, and the page's own title and name.
    page = re.sub(r"\brtverify((?:\.[a-z]+)+)(?= |$|\.1)", lambda m: "rtverify" + m[1].replace(".", "-"), page, flags=re.M)
    page = re.sub(r"^\.Dt RTVERIFY[A-Z.]*", ".Dt " + command.replace(".", "-").upper(), page, flags=re.M)
    page = re.sub(r"^\.Xr rtverify-help 1.*\n", "", page, flags=re.M)
    # mdoc's standard sentence is that of programs that know success and failure alone.
    statuses = "0 yes, 1 no (it was decided, and it differs), 2 undecided, 64 wrong command line."
    page = re.sub(r"^\.Ex -std$", statuses, page, flags=re.M).rstrip("\n") + "\n"
    with open(os.path.join(target, command.replace(".", "-") + ".1"), "w") as file:
        file.write(page)
