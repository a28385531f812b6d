"""What the scripts have alike that make Debian packages and sign archives of them."""
import hashlib
import os
import subprocess

TIME = 1600000000


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Keys:
    """Keys without passphrases, in a folder of gpg's."""

    def __init__(self, home):
        self.home = home

    def gpg(self, *arguments, **options):
        return run("gpg", "--homedir", self.home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "",
                   *arguments, **options)

    def make(self, *users):
        """One for each user, as NAME <ADDRESS>."""
        os.makedirs(self.home, mode=0o700)
        for user in users:
            self.gpg("--quick-generate-key", user, "ed25519", "sign", "never")

    def fingerprint(self, address):
        lines = self.gpg("--with-colons", "--list-keys", address).splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))


def build(root, folder, name, version, architecture="amd64", fields="", scripts={}):
    """Makes a .deb of a tree, which gets its control file and scripts, in a folder."""
    os.makedirs(f"{root}/DEBIAN", exist_ok=True)
    for script, text in scripts.items():
        with open(f"{root}/DEBIAN/{script}", "w") as file:
            file.write(f"#!/bin/sh\nset -e\n{text}\n")
        os.chmod(f"{root}/DEBIAN/{script}", 0o755)
    with open(f"{root}/DEBIAN/control", "w") as file:
        file.write(f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Test <t@example.org>\n"
                   f"{fields}Description: made for a test\n")
    # As debhelper does it.
    sums = {}
    for base, folders, names in os.walk(root):
        inside = os.path.relpath(base, root)
        if inside == "DEBIAN" or inside.startswith("DEBIAN/"):
            continue
        for entry in names:
            if os.path.isfile(f"{base}/{entry}") and not os.path.islink(f"{base}/{entry}"):
                with open(f"{base}/{entry}", "rb") as file:
                    sums[os.path.normpath(f"{inside}/{entry}")] = hashlib.md5(file.read()).hexdigest()
    with open(f"{root}/DEBIAN/md5sums", "w") as file:
        file.write("".join(f"{sum}  {path}\n" for path, sum in sorted(sums.items())))
    for base, folders, names in os.walk(root):
        for entry in folders + names:
            os.utime(f"{base}/{entry}", (TIME, TIME), follow_symlinks=False)
    os.makedirs(folder, exist_ok=True)
    run("dpkg-deb", "-Zxz", "-z1", "--root-owner-group", "--build", root, f"{folder}/{name}_{version}_{architecture}.deb",
        env=dict(os.environ, SOURCE_DATE_EPOCH=str(TIME)))
