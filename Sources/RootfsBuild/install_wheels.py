"""Installs wheels with PyPA's installer so that the same bytes are left each time, and compiles what they brought.

Run by the interpreter that the wheels are for; its one argument is JSON:
wheels (paths, in order), requested (normalized names), target (a path, or "system"), destdir (what stands before
every path while it is written), levels (optimization levels of byte code).
"""
import json
import os
import re
import sys
import sysconfig

# Neither the folder it is started in nor what the base calls `installer`.
sys.path[:] = ["/.rtverify/python"] + [path for path in sys.path if path not in ("", os.getcwd())]

import compileall
import py_compile

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

job = json.loads(sys.argv[1])
written = {}


class Destination(SchemeDictionaryDestination):
    """Lets a later wheel replace an earlier one's file, as pip does, and says so."""

    def write_to_fs(self, scheme, path, stream, is_executable):
        target = self._path_with_destdir(scheme, path)
        # As pip does; this version of the installer would go anywhere.
        folder = os.path.normpath(self._path_with_destdir(scheme, "")).rstrip("/")
        if not os.path.normpath(target).startswith(folder + "/"):
            sys.exit(f"{path}: the wheel would write outside {folder or '/'}")
        replaced = None
        if os.path.lexists(target):
            with open(target, "rb") as file:
                replaced = file.read()
            os.remove(target)
        entry = super().write_to_fs(scheme, path, stream, is_executable)
        with open(target, "rb") as file:
            if replaced is not None and file.read() != replaced:
                print(f"{target}: replaced by a later wheel's file")
        if scheme in ("purelib", "platlib") and target.endswith(".py"):
            written[target] = None
        return entry


def scheme(name):
    if job["target"] != "system":
        target = job["target"].rstrip("/")
        folders = (target or "/", f"{target}/bin", f"{target}/include/{name}", target or "/")
    else:
        version = "python%d.%d" % sys.version_info[:2]
        # Debian keeps what its packages don't own below /usr/local, in dist-packages.
        local = f"/usr/local/lib/{version}/dist-packages"
        own = local if local in sys.path or os.path.isdir("/usr/lib/python3/dist-packages") else None
        libraries = own or sysconfig.get_paths()["purelib"]
        folders = (libraries, "/usr/local/bin", f"/usr/local/include/{version}/{name}", "/usr/local")
    libraries, scripts, headers, data = folders
    return {"purelib": libraries, "platlib": libraries, "scripts": scripts, "headers": headers, "data": data}


def refuse(path, error):
    reason = " ".join(str(error).split()) or type(error).__name__
    sys.exit(f"{os.path.basename(path)}: the wheel can't be installed: {reason}")


def install_wheel(path):
    with WheelFile.open(path) as source:
        metadata = {"INSTALLER": b"rtverify\n"}
        if re.sub(r"[-_.]+", "-", source.distribution).lower() in job["requested"]:
            metadata["REQUESTED"] = b""
        destination = Destination(
            scheme(source.distribution), interpreter="/usr/bin/python3", script_kind="posix",
            destdir=job["destdir"])
        try:
            install(source=source, destination=destination, additional_metadata=metadata)
        except OSError as error:
            sys.exit(f"{source.distribution} {source.version} can't be installed over what the wheels before it, or the "
                     f"base, have there: {error}")
        print(f"installed {source.distribution} {source.version}")


for path in job["wheels"]:
    try:
        install_wheel(path)
    except Exception as error:
        refuse(path, error)


def compile_all(level):
    """In one process and one order: what marshal writes depends on what was compiled before."""
    for path in sorted(written):
        done = compileall.compile_file(
            path, quiet=2, force=True, optimize=level, stripdir=job["destdir"], prependdir="/",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        if not done:
            print(f"{path}: not compiled at level {level}: it is no valid source for this Python", flush=True)


sys.stdout.flush()
children = []
for level in job["levels"]:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            compile_all(level)
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)
    children.append(child)
# A child that a signal ended (no memory, say) has left byte code out.
sys.exit(int(any([os.waitpid(child, 0)[1] for child in children])))
