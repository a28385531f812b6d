# Comes before install_wheels.py where a wheel has files that its RECORD doesn't list: every file of the archive is installed, as pip
# does. That script's own text is as it was when the first locks were made: which names a process knows decides the byte code that
# Python 3.9 writes.
import os
import stat
import sys

sys.path[:] = ["/.rtverify/python"] + [path for path in sys.path if path not in ("", os.getcwd())]

from installer.sources import WheelFile


def get_contents(self):
    for item in self._zipfile.infolist():
        if item.filename.endswith("/"):
            continue
        if item.filename.startswith(self.data_dir) and not item.filename.startswith(f"{self.data_dir}/"):
            # The installer would look for its end for ever.
            raise ValueError(f"{item.filename} is beside its folder of data")
        mode = item.external_attr >> 16
        with self._zipfile.open(item) as stream:
            yield (item.filename, "", ""), stream, bool(mode and stat.S_ISREG(mode) and mode & 0o111)


WheelFile.get_contents = get_contents
