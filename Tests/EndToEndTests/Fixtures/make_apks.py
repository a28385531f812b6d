"""A signed Alpine repository of our own making: make_apks.py FOLDER KEYNAME [--unsigned] [--other-key] [--sha256] [--newer].

FOLDER/v3.20/main/x86_64 gets packages and an index, FOLDER/KEYNAME the public key. Packages and indexes are gzip streams
one after the other: signature, control and data; or signature and index (https://wiki.alpinelinux.org/wiki/Apk_spec).
"""
import base64
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile

folder, key_name, *options = sys.argv[1:]
target = f"{folder}/v3.20/main/x86_64"
os.makedirs(target, exist_ok=True)
private = f"{folder}/private.pem"
for path in [private] + ([f"{folder}/other.pem"] if "--other-key" in options else []):
    if not os.path.exists(path):
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", f"{folder}/{key_name}"], check=True,
               capture_output=True)


def tar(entries):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, mode, data, headers in entries:
            info = tarfile.TarInfo(path)
            info.mode, info.mtime, info.pax_headers = mode, 1700000000, headers
            if data is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return memory.getvalue()


def unended(entries):
    """A tar without the zeros that end it, as the parts before the last are."""
    bytes_ = tar(entries)
    return bytes_[: len(bytes_.rstrip(b"\0")) + 511 & ~511] if bytes_.rstrip(b"\0") else bytes_


def pack(data):
    return gzip.compress(data, mtime=0)


def signature(part):
    key = f"{folder}/other.pem" if "--other-key" in options else private
    digest, kind = ("-sha256", "RSA256") if "--sha256" in options else ("-sha1", "RSA")
    made = subprocess.run(["openssl", "dgst", digest, "-sign", key], input=part, capture_output=True, check=True)
    return pack(unended([(f".SIGN.{kind}.{key_name}", 0o644, made.stdout, {})]))


def apk(name, version, files, depends=(), scripts=None):
    folders = sorted({"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)})
    entries = [(path, 0o755, None, {}) for path in folders]
    for path, (mode, data) in sorted(files.items()):
        entries.append((path, mode, data, {"APK-TOOLS.checksum.SHA1": hashlib.sha1(data).hexdigest()}))
    data = pack(tar(entries))
    size = sum(len(content) for _, content in files.values())
    info = f"pkgname = {name}\npkgver = {version}\narch = x86_64\nsize = {size}\npkgdesc = of a test\n"
    info += "url = none\nlicense = none\n" + "".join(f"depend = {other}\n" for other in depends)
    info += f"datahash = {hashlib.sha256(data).hexdigest()}\n"
    control = pack(unended(
        [(".PKGINFO", 0o644, info.encode(), {})]
        + [(script, 0o755, text.encode(), {}) for script, text in (scripts or {}).items()]))
    whole = signature(control) + control + data
    with open(f"{target}/{name}-{version}.apk", "wb") as file:
        file.write(whole)
    checksum = "Q1" + base64.b64encode(hashlib.sha1(control).digest()).decode()
    record = f"C:{checksum}\nP:{name}\nV:{version}\nA:x86_64\nS:{len(whole)}\nI:{size}\nT:of a test\nU:none\nL:none\n"
    return record + (f"D:{' '.join(depends)}\n" if depends else "") + "\n"


def program(name):
    with open(f"{folder}/{name}", "rb") as file:
        return file.read()


index = apk("rtv-library", "2.0-r0" if "--newer" in options else "1.0-r0", {"usr/share/rtv/library": (0o644, b"library\n")})
index += apk(
    "rtv-programs", "2.1-r3",
    {"usr/bin/hello-static": (0o755, program("hello-static")), "usr/bin/hello-musl": (0o755, program("hello-musl"))},
    depends=["rtv-library"],
    scripts={".post-install": "#!/bin/sh\nmkdir -p /var/lib/rtv && echo installed > /var/lib/rtv/state\n"})
index += apk("rtv-unwanted", "1.0-r0", {"usr/share/rtv/unwanted": (0o644, b"unwanted\n")})
body = pack(tar([("DESCRIPTION", 0o644, b"test", {}), ("APKINDEX", 0o644, index.encode(), {})]))
with open(f"{target}/APKINDEX.tar.gz", "wb") as file:
    file.write(body if "--unsigned" in options else signature(body) + body)
