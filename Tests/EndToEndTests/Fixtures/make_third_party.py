#!/usr/bin/env python3
"""Makes a signed package archive of other people, with a key of its own.

    make_third_party.py FOLDER SUITE [FORM] [VERSION]

FOLDER is what a server serves; SUITE with a slash at its end is a flat repository's. Beside it, at FOLDER.asc and FOLDER.gpg, are its
key armored and not, and at FOLDER.fingerprint its fingerprint. FORM: "" for the commonest, renamed (its Release has another name),
expired, not-automatic, unsigned (by a key that nobody has),
detached (Release and Release.gpg). VERSION is that of `tool` (1.0). Run again, it is signed by the same key.
"""
import email.utils, gzip, hashlib, os, shutil, sys

import debian_packages
from debian_packages import run

folder, suite = os.path.abspath(sys.argv[1]), sys.argv[2]
form = sys.argv[3] if len(sys.argv) > 3 else ""
version = sys.argv[4] if len(sys.argv) > 4 else "1.0"
keys, name = debian_packages.Keys(f"{folder}.gnupg"), os.path.basename(folder)
gpg = keys.gpg


def deb(package, version, fields="", architecture="amd64", scripts={}):
    root = f"{folder}.tree/{package}"
    shutil.rmtree(root, ignore_errors=True)
    write(f"{root}/usr/share/{name}/{package}", f"{package} {version} of {name}\n".encode())
    debian_packages.build(root, f"{folder}/pool", package, version, architecture, fields, scripts)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


if not os.path.exists(keys.home):
    keys.make(f"owner <owner@{name}.example>", f"nobody <nobody@{name}.example>")
    gpg("--output", f"{folder}.gpg", "--export", f"owner@{name}.example")
    gpg("--output", f"{folder}.asc", "--armor", "--export", f"owner@{name}.example")
    write(f"{folder}.fingerprint", keys.fingerprint(f"owner@{name}.example").encode())

# `early` is Debian's too; the archive's own is newer. `late` is the same version as Debian's, and another package.
shutil.rmtree(f"{folder}/pool", ignore_errors=True)
deb("tool", version, "Depends: early (>= 2.0)\n")
deb("early", "3.0", scripts={"postinst": "touch /usr/share/early-is-configured"})
deb("late", "1.0")
deb("greedy", "1.0", "Essential: yes\nPriority: required\n")
deb("tool", "9.0", architecture="arm64")
os.chdir(folder)
index = run("dpkg-scanpackages", "--multiversion", "pool").encode()
flat = suite.endswith("/")
place = "" if suite == "/" else suite if flat else f"dists/{suite}/"
path = "Packages" if flat else "main/binary-amd64/Packages"
listed = ""
for ending, data in (("", index), (".gz", gzip.compress(index, mtime=0))):
    if ending or flat:
        write(f"{folder}/{place}{path}{ending}", data)
    listed += f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}{ending}\n"
until = 1700000001 if form == "expired" else 4000000000
called = "other" if form == "renamed" else suite
names = "" if flat and form != "renamed" else f"Suite: {called}\nCodename: {called}\n"
release = (f"Origin: {name}\n{names}" + ("NotAutomatic: yes\n" if form == "not-automatic" else "") + "Architectures: amd64 arm64\n"
           f"Date: {email.utils.formatdate(1700000000 + round(float(version) * 100), usegmt=True)}\n"
           f"Valid-Until: {email.utils.formatdate(until, usegmt=True)}\nSHA256:\n{listed}")
write(f"{folder}.release", release.encode())
user = "nobody" if form == "unsigned" else "owner"
key = ("--local-user", f"{user}@{name}.example")
if form == "detached":
    write(f"{folder}/{place}Release", release.encode())
    gpg(*key, "--output", f"{folder}/{place}Release.gpg", "--armor", "--detach-sign", f"{folder}/{place}Release")
else:
    gpg(*key, "--output", f"{folder}/{place}InRelease", "--clearsign", f"{folder}.release")
