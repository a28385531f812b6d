#!/usr/bin/env python3
"""Signs the Release that make_archive.py left in FOLDER in many ways: make_signatures.py FOLDER

For each case signatures/CASE/ holds InRelease, keyring.gpg (as it is now: with revocations and new expiries) and
fingerprint, the primary key's.
"""
import os, subprocess, sys

folder = os.path.abspath(sys.argv[1])
home = f"{folder}/gnupg-cases"
os.makedirs(home, mode=0o700, exist_ok=True)


def gpg(*arguments, at=None, **options):
    time = ["--faked-system-time", f"{at}!"] if at else []
    return subprocess.run(
        ["gpg", "--homedir", home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "",
         "--allow-weak-digest-algos"] + time + list(arguments), check=True, capture_output=True, text=True, **options).stdout


def fingerprints(case):
    lines = gpg("--with-colons", "--list-keys", f"{case}@example.org").splitlines()
    return [line.split(":")[9] for line in lines if line.startswith("fpr")]


def key(case, kind="ed25519", expires="never", at=None):
    gpg("--quick-generate-key", f"{case}@example.org", kind, "sign", expires, at=at)
    return fingerprints(case)[0]


def sign(case, *options, at=None):
    place = f"{folder}/signatures/{case}"
    os.makedirs(place, exist_ok=True)
    gpg("--output", f"{place}/InRelease", *options, "--clearsign", f"{folder}/Release", at=at)


def finish(case, *others):
    place = f"{folder}/signatures/{case}"
    names = [f"{name}@example.org" for name in (case,) + others]
    gpg("--output", f"{place}/keyring.gpg", "--export", *names)
    gpg("--output", f"{place}/keyring.asc", "--armor", "--export", *names)
    with open(f"{place}/fingerprint", "w") as file:
        file.write(fingerprints(case)[0])


def user(name):
    return ["--local-user", name]


# The Release is of November 2023.
key("good")
sign("good", *user("good@example.org"))
finish("good")

revoked = key("revoked")
sign("revoked", *user("revoked@example.org"))
with open(f"{home}/openpgp-revocs.d/{revoked}.rev") as file:
    certificate = file.read().replace(":-----BEGIN", "-----BEGIN")
gpg("--import", input=certificate)
finish("revoked")

primary = key("subkey")
gpg("--quick-add-key", primary, "ed25519", "sign", "never")
subkey = fingerprints("subkey")[1]
sign("subkey", *user(f"{subkey}!"))
finish("subkey")

primary = key("revoked-subkey")
gpg("--quick-add-key", primary, "ed25519", "sign", "never")
subkey = fingerprints("revoked-subkey")[1]
sign("revoked-subkey", *user(f"{subkey}!"))
gpg("--command-fd", "0", "--no-batch", "--expert", "--edit-key", primary, input="key 1\nrevkey\ny\n0\n\ny\nsave\n")
finish("revoked-subkey")

key("expired", expires="2024-06-01", at="20230101T000000")
sign("expired", *user("expired@example.org"), at="20231201T000000")
finish("expired")

# Made when the key had expired: by a key whose time was cut short afterwards.
primary = key("too-late", at="20230101T000000")
sign("too-late", *user("too-late@example.org"), at="20240201T000000")
gpg("--quick-set-expire", primary, "20231220T000000", at="20230601T000000")
finish("too-late")

# Expired before the Release's Date.
key("older", expires="2023-03-01", at="20230101T000000")
sign("older", *user("older@example.org"), at="20230201T000000")
finish("older")

key("sha1", kind="rsa2048")
sign("sha1", "--digest-algo", "SHA1", *user("sha1@example.org"))
finish("sha1")
