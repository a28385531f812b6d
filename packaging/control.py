"""The package's control file. Usage: control.py VERSION MAINTAINER DEPENDS KILOBYTES"""
import sys

version, maintainer, depends, size = sys.argv[1:]
print(f"""Package: rtverify
Version: {version}
Architecture: amd64
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: ca-certificates, debian-archive-keyring, gpgv, uidmap
Suggests: qemu-system-x86
Section: utils
Priority: optional
Description: reproducible builds of Aleph runtimes, and their verification
 A runtime is the squashfs root file system that virtual machines on the
 Aleph network run. rtverify pins its packages and times in a lockfile,
 builds the image so that its bytes depend on the lock alone, and proves by
 SHA-256 and IPFS CID that two builds, and a published item hash, are the
 same.
 .
 Whoever only checks an image needs of the recommended packages at most
 ca-certificates, for what comes by https.""")
