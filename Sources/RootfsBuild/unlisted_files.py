"""Says of each wheel which of its files its RECORD doesn't list, or spells otherwise: pip installs them, and the installer refuses.

Its one argument is a JSON list of paths. What is no wheel at all is left to the installer.
"""
import csv
import json
import os
import sys
import zipfile

for path in json.loads(sys.argv[1]):
    try:
        with zipfile.ZipFile(path) as wheel:
            names = [name for name in wheel.namelist() if not name.endswith("/")]
            record = next(name for name in names if name.count("/") == 1 and name.endswith(".dist-info/RECORD"))
            rows = csv.reader(wheel.read(record).decode().splitlines())
            listed = {row[0] for row in rows if row}
    except Exception:
        continue
    unlisted = [name for name in names if name not in listed]
    if unlisted:
        print(f"{os.path.basename(path)}: {len(unlisted)} files that its RECORD doesn't list, or spells otherwise, are installed "
              f"as pip does: {unlisted[0]}" + (", …" if len(unlisted) > 1 else ""), flush=True)
