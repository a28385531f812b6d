#!/usr/bin/env python3
"""Makes a signed Debian archive of a few small packages, from programs of this host, and a manifest for it.

    make_archive.py FOLDER    FOLDER/archive, FOLDER/keyring.gpg, FOLDER/runtime.toml, FOLDER/fingerprint
    make_archive.py FOLDER --sign [--expired | --unsigned-by-allowed] [--date SECONDS] [--form FORM]
                              signs the archive anew
"""
import email.utils, gzip, hashlib, io, os, shutil, subprocess, sys, tarfile, time

import debian_packages
from debian_packages import run

folder = os.path.abspath(sys.argv[1])
archive = f"{folder}/archive"
keys = debian_packages.Keys(f"{folder}/gnupg")
gpg = keys.gpg


def libraries(program):
    found = []
    for line in run("ldd", program).splitlines():
        words = line.split()
        path = words[2] if "=>" in words else words[0]
        if path.startswith("/"):
            found.append(path)
    return found


def add(root, path, target=None):
    """A file of the host at the same place, under /usr where the host has links."""
    target = target or path
    for name in ("bin", "sbin", "lib", "lib64"):
        if target.startswith(f"/{name}/"):
            target = f"/usr{target}"
    os.makedirs(os.path.dirname(root + target), exist_ok=True)
    shutil.copy(os.path.realpath(path), root + target)
    os.chmod(root + target, 0o755)


def deb(name, version="1.0", fields="", files={}, scripts={}, build=None, pool="pool", architecture="amd64"):
    root = f"{folder}/tree/{name}"
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    for path, text in files.items():
        os.makedirs(os.path.dirname(f"{root}{path}"), exist_ok=True)
        with open(f"{root}{path}", "w") as file:
            file.write(text)
        os.chmod(f"{root}{path}", 0o755 if "/bin/" in path else 0o644)
    if build:
        build(root)
    debian_packages.build(root, f"{archive}/{pool}", name, version, architecture, fields, scripts)


def evil(name, entries, more=[]):
    """A .deb with tar entries that dpkg-deb would not write, and further members."""
    def tar(entries):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:xz", format=tarfile.GNU_FORMAT) as out:
            for path, kind, value in entries:
                info = tarfile.TarInfo(path)
                info.type = kind
                info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
                if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                    info.linkname = value
                else:
                    info.size = len(value)
                out.addfile(info, io.BytesIO(value.encode()))
        return data.getvalue()
    control = f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: x\n"
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", tar([("./control", tarfile.REGTYPE, control)])),
               ("data.tar.xz", tar(entries))] + more
    with open(f"{archive}/pool/{name}_1.0_amd64.deb", "wb") as file:
        file.write(b"!<arch>\n")
        for member, data in members:
            file.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
            file.write(data + b"\n" * (len(data) % 2))


def base(root):
    programs = ["sh", "dpkg", "dpkg-deb", "dpkg-query", "dpkg-split", "dpkg-trigger", "dpkg-divert", "tar", "rm", "cat", "ln", "mkdir",
                "chmod", "chown", "touch", "cp", "ls", "mkfifo", "true", "sleep", "perl", "diff", "head", "date", "uname",
                "nproc", "stat", "env"]
    paths = [shutil.which(name) for name in programs] + ["/sbin/setcap", "/usr/bin/setfacl", "/usr/bin/setfattr"]
    paths += ["/sbin/ldconfig", "/sbin/start-stop-daemon"]
    wanted = set()
    for path in paths:
        add(root, path)
        if path != "/sbin/ldconfig":
            wanted.update(libraries(path))
    for library in sorted(wanted):
        add(root, library)
    for path in ("info", "updates", "triggers", "alternatives", "parts"):
        os.makedirs(f"{root}/var/lib/dpkg/{path}")
    for path in ("etc", "root", "tmp", "run", "proc", "dev", "var/log", "var/cache"):
        os.makedirs(f"{root}/{path}", exist_ok=True)
    os.chmod(f"{root}/tmp", 0o1777)
    with open(f"{root}/etc/passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n")
    with open(f"{root}/etc/group", "w") as file:
        file.write("root:x:0:\nalice:x:1000:\n")


def packer(root):
    add(root, "/usr/bin/tar2sqfs")
    for library in libraries("/usr/bin/tar2sqfs"):
        if "lzo2" not in library:
            add(root, library)


def lzo(root):
    add(root, next(library for library in libraries("/usr/bin/tar2sqfs") if "lzo2" in library))


def special(root):
    os.makedirs(f"{root}/opt/special")
    for name in ("one", "capable"):
        with open(f"{root}/opt/special/{name}", "w") as file:
            file.write(name)
    os.link(f"{root}/opt/special/one", f"{root}/opt/special/two")
    os.chmod(f"{root}/opt/special/one", 0o4711)


def modes(root):
    """Files with all bits that a mask takes, many and large enough that several threads bring them back."""
    os.makedirs(f"{root}/opt/modes")
    for number in range(2000):
        path = f"{root}/opt/modes/{number}"
        with open(path, "w") as file:
            file.write(f"{number:4}" * 5000)
        os.chmod(path, (0o664, 0o666, 0o775, 0o777)[number % 4])


def compressed(index, form):
    """The index as files, by ending."""
    programs = {"xz": ["xz"], "zst": ["zstd", "-q"], "bz2": ["bzip2"]}
    if form in programs:
        return {f".{form}": subprocess.run(programs[form] + ["-c"], input=index, check=True, capture_output=True).stdout}
    return {"": index} if form == "plain" else {".gz": gzip.compress(index, mtime=0)}


def sign(options):
    """Indexes, Release and signature, in a form that archives have: "" for the commonest, or what --form names."""
    os.chdir(archive)
    suite = "dists/test"
    shutil.rmtree("dists", ignore_errors=True)
    form = options[options.index("--form") + 1] if "--form" in options else ""
    index = run("dpkg-scanpackages", "--multiversion", "pool")
    if form == "dotted":
        index = index.replace("Filename: pool/", "Filename: ./pool//")
    if form == "folded":
        index = index.replace("Depends: early\n", "Depends:\n early\n").replace("Depends: liblzo2-2", "Depends: liblzo2-2 |\n liblzo2-3")
    stanzas = index.split("\n\n")
    indexes = {"amd64": index}
    if form == "binary-all":
        indexes = {"all": "\n\n".join(part for part in stanzas if "Architecture: all\n" in part) + "\n",
                   "amd64": "\n\n".join(part for part in stanzas if "Architecture: all\n" not in part)}
    listed = ""
    for architecture, text in indexes.items():
        name = f"main/binary-{architecture}/Packages"
        os.makedirs(f"{suite}/main/binary-{architecture}")
        data = text.encode()
        # apt looks for the plain index's name, whichever spelling it then takes.
        listed += f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
        for ending, packed in compressed(data, form).items():
            with open(f"{suite}/{name}{ending}", "wb") as file:
                file.write(packed)
            if ending:
                listed += f" {hashlib.sha256(packed).hexdigest()} {len(packed)} {name}{ending}\n"
    date = int(options[options.index("--date") + 1]) if "--date" in options else 1700000000
    until = 1700000001 if "--expired" in options else 4000000000
    suite_name = options[options.index("--suite") + 1] if "--suite" in options else "Suite: test\nCodename: test\n"
    release = (f"Origin: Test\n{suite_name}Architectures: {' '.join(indexes)}\nComponents: main\n"
               f"Date: {email.utils.formatdate(date, usegmt=True).replace('GMT', 'UTC')}\n"
               f"Valid-Until: {email.utils.formatdate(until, usegmt=True).replace('GMT', 'UTC')}\n"
               f"SHA256:\n{listed}")
    if form == "crlf":
        release = release.replace("\n", "\r\n")
    path = f"{suite}/Release" if form in ("detached", "crlf") else f"{folder}/Release"
    with open(path, "w", newline="") as file:
        file.write(release)
    key = ("--local-user", ("other" if "--unsigned-by-allowed" in options else "archive") + "@example.org")
    if form in ("detached", "crlf"):
        gpg(*key, "--output", f"{path}.gpg", "--armor", "--detach-sign", path)
    else:
        gpg(*key, "--output", f"{suite}/InRelease", "--clearsign", path)


if "--sign" in sys.argv:
    if "--bump" in sys.argv:
        deb("early", "2.0", files={"/usr/share/early": "newer\n"})
        deb("special", "2.0", build=special)
    if "--bump-packer" in sys.argv:
        deb("squashfs-tools-ng", "2.0", fields="Depends: liblzo2-2\n", build=packer)
        deb("liblzo2-2", "2.0", build=lzo)
    sign(sys.argv)
    sys.exit()

keys.make("archive <archive@example.org>", "other <other@example.org>")
gpg("--output", f"{folder}/keyring.gpg", "--export", "archive@example.org")
gpg("--output", f"{folder}/keyring-both.gpg", "--export")
with open(f"{folder}/fingerprint", "w") as file:
    file.write(keys.fingerprint("archive@example.org"))

deb("base", fields="Essential: yes\n", build=base)
deb("squashfs-tools-ng", fields="Depends: liblzo2-2\n", build=packer)
deb("liblzo2-2", build=lzo)
deb("early", files={"/usr/share/early": "early\n"}, scripts={"postinst": "touch /usr/share/early-is-configured"})
deb("late", fields="Pre-Depends: early\n", files={"/usr/share/late": "late\n"},
    scripts={"preinst": "cat /usr/share/early-is-configured"})
deb("special", build=special, scripts={
    "postinst": "setcap cap_net_raw+ep /opt/special/capable\nchown 1000:1000 /opt/special/capable\n"
                "setcap cap_net_raw+ep /opt/special/capable\nsetfattr -n user.note -v kept /opt/special/capable"})
deb("modes", build=modes)
deb("with-acl", files={"/opt/acl/file": "x"}, scripts={"postinst": "setfacl -m u:1000:r /opt/acl/file"})
deb("with-lists", files={"/opt/acl/file": "x", "/opt/acl/plain": "x"}, scripts={
    "postinst": "setfacl -m u:1000:r /opt/acl/file && setfacl -d -m u:1000:rw /opt/acl"})
deb("with-socket", files={"/opt/socket/file": "x"}, scripts={
    "postinst": "perl -e 'socket(S,1,1,0) && bind(S, pack(\"Sa*\", 1, \"/opt/socket/door\")) or die'"})
deb("openssl", files={"/usr/share/openssl": "1\n"})
deb("slow", scripts={"postinst": "sleep 300"})
if os.path.exists("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"):
    deb("libfaketime", build=lambda root: add(root, "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"))
deb("common", files={"/usr/share/common": "for every architecture\n"}, architecture="all")
evil("climber", [("./usr/../../escaped", tarfile.REGTYPE, "x")])
evil("flipper", [("./opt/flip", tarfile.DIRTYPE, ""), ("./opt/flip", tarfile.REGTYPE, "x")])
evil("linker", [("./opt/link", tarfile.LNKTYPE, "../../../../etc/passwd")])
evil("stranger", [("./opt", tarfile.DIRTYPE, ""), ("./opt/owned", tarfile.REGTYPE, "x")], [("_gpgorigin", b"signature"), ("later", b"more")])
deb("writes", scripts={"postinst": "echo mine > /etc/asks.conf"})
deb("asks", fields="Pre-Depends: writes\n", files={"/etc/asks.conf": "shipped\n", "/DEBIAN/conffiles": "/etc/asks.conf\n"})
evil("follower", [("./opt/out", tarfile.SYMTYPE, "../../../tmp"), ("./opt/out/escaped", tarfile.REGTYPE, "x")])
sign([])
