#!/usr/bin/env python3
"""Adds packages to an archive of make_archive.py in which everything is that unpacking can meet: unpacking_packages.py FOLDER"""
import io, sys, tarfile

pool = f"{sys.argv[1]}/archive/pool"


def tar(entries, format=tarfile.GNU_FORMAT):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz", format=format) as out:
        for path, what, more in entries:
            info = tarfile.TarInfo(path)
            info.type = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "pipe": tarfile.FIFOTYPE}.get(what, tarfile.REGTYPE)
            info.mode = more.get("mode", 0o755 if what == "dir" else 0o644)
            info.mtime = more.get("time", 1_500_000_000)
            info.uname = info.gname = "root"
            for key in ("uid", "gid", "uname", "gname"):
                if key in more:
                    setattr(info, key, more[key])
            if what in ("link", "hard"):
                info.linkname = more["to"]
            text = what.encode() if info.type == tarfile.REGTYPE else b""
            info.size = len(text)
            if format == tarfile.PAX_FORMAT:
                info.pax_headers = {"comment": "x"}
            out.addfile(info, io.BytesIO(text))
    return data.getvalue()


def deb(name, entries=(), fields="", architecture="amd64", control=(), order=lambda listed: listed, format=tarfile.GNU_FORMAT, **scripts):
    """`entries` are (path, "dir" or "link" or "hard" or "pipe" or a file's text, more); folders above them come first."""
    listed, folders = [("./", "dir", {})], set()
    for path, what, *more in entries:
        parts = path.split("/")
        for end in range(2, len(parts)):
            folder = "/".join(parts[:end])
            if folder not in folders and not any(entry[0] == f".{folder}/" for entry in listed):
                folders.add(folder)
                listed.append((f".{folder}/", "dir", {}))
        listed.append((f".{path}" + ("/" if what == "dir" else ""), what, more[0] if more else {}))
    text = f"Package: {name}\nVersion: 1.0\nArchitecture: {architecture}\nMaintainer: T <t@example.org>\n{fields}Description: x\n more\n .\n of it\n"
    files = [("./", "dir", {}), ("./control", text, {})]
    if not any(file == "md5sums" for file, _ in control) and name != "u20-no-sums":
        control = [*control, ("md5sums", "".join(f"{'0' * 32}  {path[1:]}\n" for path, what, *_ in entries if what not in ("dir", "link", "pipe")))]
    files += [(f"./{file}", body, {}) for file, body in control]
    files += [(f"./{script}", f"#!/bin/sh\nset -e\n{body}\n", {"mode": 0o755}) for script, body in scripts.items()]
    with open(f"{pool}/{name}_1.0_{architecture}.deb", "wb") as file:
        file.write(b"!<arch>\n")
        for member, data in (("debian-binary", b"2.0\n"), ("control.tar.xz", tar(files)), ("data.tar.xz", tar(order(listed), format))):
            file.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
            file.write(data + b"\n" * (len(data) % 2))


SEES = """{ echo "$@"; env | while read -r line; do case "$line" in DPKG*|PATH=*|HOME=*|LC_ALL=*|TZ=*|SOURCE*|DEB*) echo "$line";; esac; done; pwd; umask; ls /var/lib/dpkg/tmp.ci; cat /var/lib/dpkg/info/u01-files.list; ls /opt; } > /var/lib/seen-by-$DPKG_MAINTSCRIPT_PACKAGE"""

# The order is that of the names where nothing else asks for another. Each unpacked without dpkg, unless it says otherwise.
deb("u01-files", [
    ("/opt/files", "dir", {"mode": 0o2775, "uname": "alice", "uid": 4242, "gname": "alice", "gid": 4242}), ("/opt/files/empty", "dir", {"mode": 0o700, "time": 1_234_567_890}),
    ("/opt/files/one", "one", {"mode": 0o4711, "uname": "nobody-here", "uid": 33, "gname": "", "gid": 44}),
    ("/opt/files/two", "hard", {"to": "./opt/files/one", "mode": 0o4711, "uid": 33, "gid": 44, "uname": "nobody-here", "gname": ""}), ("/opt/files/link", "link", {"to": "../files/one", "time": 1_100_000_000}),
    ("/opt/files/nothing", "", {}), ("/lib/u01/in-merged", "m", {}), ("/opt/files/ä ö", "x", {}),
], control=[("md5sums", "0  opt/files/one\n"), ("shlibs", "libu 1 u01\n")])
deb("u02-configured", [("/etc/u02/a.conf", "shipped\n"), ("/etc/u02/b.conf", "shipped\n"), ("/etc/u02/plain", "p")],
    control=[("conffiles", "/etc/u02/a.conf\n/etc/u02/b.conf\n")], postinst="cat /etc/u02/a.conf > /etc/u02/seen; ls /etc/u02 >> /etc/u02/seen")
deb("u03-scripted", [("/opt/u03", "x")], preinst=SEES, fields="Multi-Arch: foreign\nSection: misc\nPriority: optional\nX-Own: kept\n")
deb("u04-same", [("/opt/u04", "x")], fields="Multi-Arch: same\nSource: other (2.0)\nProvides: u-virtual (= 3)\n", control=[("symbols", "libu.so u04 #MINVER#\n")])
# By dpkg: it is told that one of its files is another's.
deb("u05-replaced", [("/opt/u05", "first\n")])
deb("u06-replaces", [("/opt/u05", "second\n")], fields="Replaces: u05-replaced\n")
# By dpkg, both: the first asks for a diversion, the second is diverted.
deb("u07-diverts", [("/opt/u07", "x")], preinst="dpkg-divert --package u07-diverts --add --rename --divert /opt/u08.away /opt/u08")
deb("u08-diverted", [("/opt/u08", "diverted\n")])
# By dpkg, the second: its folder is the first's link.
deb("u09-link", [("/opt/u09", "link", {"to": "u09.real"}), ("/opt/u09.real", "dir")])
deb("u10-below", [("/opt/u09/below", "x")])
# By dpkg: something that is no file, folder or link; and a folder where a file is, which is refused in every way.
deb("u11-pipe", [("/opt/u11", "pipe")])
# By dpkg: it wants to hear of others. It is set up before these are unpacked.
deb("u12-hears", control=[("triggers", "interest-noawait /opt/heard\ninterest-noawait u-named\n")], postinst='echo "$@" >> /var/lib/heard')
deb("u13-heard", [("/opt/heard/deep/file", "x")], fields="Pre-Depends: u12-hears\n")
deb("u14-calls", [("/opt/u14", "x")], fields="Pre-Depends: u12-hears\n", control=[("triggers", "# nothing\nactivate-noawait u-named\n")])
# By dpkg: what is locked is in conflict with an older u04, and this isn't one.
deb("u15-breaks-older", [("/opt/u15", "x")], fields="Breaks: u04-same (<< 0.5), u-virtual (>> 3)\nConflicts: nothing-of-this\n")
# A script's file is in the way, which no package has down.
deb("u16-makes", [("/opt/u16", "x")], preinst="echo made > /opt/u17; echo kept > /etc/u17.conf; rm /opt/u05")
deb("u17-in-the-way", [("/opt/u17", "shipped\n"), ("/etc/u17.conf", "shipped\n")], control=[("conffiles", "/etc/u17.conf\n")])
# By dpkg: a member of its control archive that nobody knows.
deb("u18-odd-control", [("/opt/u18", "x")], control=[("something", "else\n")])
deb("u19-last", [("/opt/u19/file", "x"), ("/opt/files/later", "x")], preinst=SEES, fields="Depends: u04-same\nBreaks: u05-replaced (<< 1.0)\n")
# By dpkg: it makes the sums.
deb("u20-no-sums", [("/opt/u20", "x")])
# By dpkg: a folder of its archive comes after what is in it; and a file of another's that a script took away.
deb("u21-shuffled", [("/opt/u21/file", "x"), ("/opt/u21b", "dir")], order=lambda listed: [*[e for e in listed if e[0] != "./opt/"], ("./opt/", "dir", {})])
deb("u22-takes", [("/opt/u05", "third\n")], fields="Replaces: u05-replaced, u06-replaces\n")
# Its own script makes what it brings, as some do with configuration files.
deb("u23-own", [("/etc/u23.conf", "shipped\n")], control=[("conffiles", "/etc/u23.conf\n")], preinst="[ -e /etc/u23.conf ] || echo as it was > /etc/u23.conf; echo ran >> /var/lib/u23-ran")
# By dpkg: a script that can't be run as it is.
deb("u24-strange", [("/opt/u24", "x")], control=[("preinst", "#!/bin/sh\nexit 0\n")])

# Refused: by dpkg, but for the last, which refuses itself.
deb("v-extended", [("/opt/v/file", "x")], format=tarfile.PAX_FORMAT)
deb("v-overwrites", [("/usr/share/early", "x")], fields="Pre-Depends: early\n")
deb("v-fails", [("/opt/v", "x")], preinst="echo it said why; exit 3")
