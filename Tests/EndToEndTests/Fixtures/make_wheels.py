"""Wheels of our own making (PEP 427), for tests that need no index: make_wheels.py FOLDER [NAME==VERSION...]."""
import base64
import hashlib
import io
import os
import sys
import tarfile
import zipfile


def wheel(folder, name, version, requires=(), files=None, entry_points="", tag="py3-none-any"):
    dist = f"{name}-{version}.dist-info"
    content = dict(files or {f"{name}/__init__.py": f'"""The package."""\nassert True\nversion = "{version}"\n'})
    content[f"{dist}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {line}\n" for line in requires)
    content[f"{dist}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if entry_points:
        content[f"{dist}/entry_points.txt"] = entry_points
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}\n" for path, text in content.items())
    content[f"{dist}/RECORD"] = record + f"{dist}/RECORD,,\n"
    with zipfile.ZipFile(f"{folder}/{name}-{version}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            info = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            info.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(info, text)


def sdist(folder, name, version):
    with tarfile.open(f"{folder}/{name}-{version}.tar.gz", "w:gz") as archive:
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        info = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
if len(sys.argv) > 2:
    for pin in sys.argv[2:]:
        wheel(folder, *pin.split("=="))
else:
    wheel(
        folder, "rtv_main", "1.0",
        requires=["rtv_always>=1", 'rtv_old; python_version < "3.10"', 'rtv_new; python_version >= "3.10"'],
        files={
            "rtv_main/__init__.py": '"""Documented."""\nimport rtv_always\nnames = {"b", "a", "c", "d"}\n\n\n'
            'def main():\n    """Also documented."""\n    assert names\n    print("main runs")\n',
            "rtv_main/broken.py": "this is no Python\n",
            "rtv_main-1.0.data/scripts/rtv-shell": "#!python\nprint('script runs')\n",
            "rtv_main-1.0.data/data/share/rtv/data.txt": "data\n",
        },
        entry_points="[console_scripts]\nrtv-main = rtv_main:main\n")
    wheel(folder, "rtv_always", "1.0")
    wheel(folder, "rtv_old", "1.0")
    wheel(folder, "rtv_new", "1.0")
    sdist(folder, "rtv_source", "1.0")
