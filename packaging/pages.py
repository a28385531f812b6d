"""Manual pages as those of programs with subcommands are named and laid out: rtverify-lock-draft.1, and not
rtverify.lock.draft.1; paragraphs and examples in mdoc's own words (mdoc(7)).

Usage: pages.py FROM TO: folders; what argument-parser's generator wrote, and where it goes.
"""
import os
import re
import sys

# mdoc's standard sentence is that of programs that know success and failure alone.
STATUSES = "0 yes, 1 no (it was decided, and it differs), 2 undecided, 64 wrong command line."


def body(lines):
    """Empty lines end paragraphs, lines that are set in are shown as they are."""
    shown, literal = [], False
    for line in lines:
        # Examples are set in; tables have columns.
        if (line.startswith("  ") or re.search(r"\S   +\S", line) is not None) != literal:
            literal = not literal
            shown.append(".Bd -literal" if literal else ".Ed")
        if line == ".Ex -std":
            shown.append(STATUSES)
        elif not line:
            shown.append(".Pp")
        else:
            shown.append(line)
    # No space is asked for where a section, a list or a display begins or ends.
    kept = []
    for line in shown:
        while kept and kept[-1] == ".Pp" and (line == ".Pp" or line.startswith((".Sh", ".Bl", ".Bd", ".Ed", ".El"))):
            kept.pop()
        if line == ".Pp" and (not kept or kept[-1].startswith((".Sh", ".El"))):
            continue
        kept.append(line)
    return kept


source, target = sys.argv[1:]
for name in sorted(os.listdir(source)):
    # `rtverify help` is --help.
    if name == "rtverify.help.1":
        continue
    command = name.removesuffix(".1")
    page, words = command.replace(".", "-"), command.replace(".", " ")
    text = open(os.path.join(source, name)).read()
    text = re.sub(r"^\.Xr rtverify\.help 1.*\n", "", text, flags=re.M)
    text = re.sub(r"^\.Xr (rtverify[a-z.]*) 1", lambda m: f".Xr {m[1].replace('.', '-')} 1", text, flags=re.M)
    text = re.sub(r"^\.Dt .* 1$", f".Dt {page.upper()} 1", text, flags=re.M)
    # The first name is the page's, for apropos; the others are what is typed.
    text = re.sub(r'^\.Nm .*$', f".Nm {page}", text, count=1, flags=re.M)
    text = re.sub(r"^\.Nm$", f'.Nm "{words}"', text, flags=re.M)
    # The generator says of both what the one does.
    text = re.sub(r"^(\.It Fl -no-(\S+)\n).*$", r"\1The opposite of --\2.", text, flags=re.M)
    with open(os.path.join(target, page + ".1"), "w") as file:
        file.write("\n".join(body(text.rstrip("\n").split("\n"))) + "\n")
