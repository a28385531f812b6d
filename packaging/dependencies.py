"""The Swift packages of a release, from packaging/dependencies as SwiftPM's Package.resolved; --write the other way round."""
import json
import sys

PLACE = "packaging/dependencies"
HEAD = """# The Swift packages that a release is made of: name, version, revision, place. scripts/package builds with just these; after a
# change of Package.swift, and a build: scripts/package --dependencies
"""


def written():
    for line in open(PLACE):
        if not line.startswith("#"):
            yield line.split()


if sys.argv[1:] == ["--write"]:
    pins = sorted(json.load(open("Package.resolved"))["pins"], key=lambda pin: pin["identity"])
    with open(PLACE, "w") as file:
        file.write(HEAD)
        for pin in pins:
            print(pin["identity"], pin["state"]["version"], pin["state"]["revision"], pin["location"], file=file)
else:
    pins = [
        {"identity": name, "kind": "remoteSourceControl", "location": place,
         "state": {"revision": revision, "version": version}}
        for name, version, revision, place in written()
    ]
    json.dump({"pins": pins, "version": 2}, sys.stdout, indent=2)
