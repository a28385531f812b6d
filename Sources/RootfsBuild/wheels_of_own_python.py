# Comes before install_wheels.py on a base that brings its own Python: scripts are run by the one that installs them.
import os
import sys

sys.path[:] = ["/.rtverify/python"] + [path for path in sys.path if path not in ("", os.getcwd())]

from installer.destinations import SchemeDictionaryDestination

first_init = SchemeDictionaryDestination.__init__


def init(self, *arguments, **keywords):
    keywords["interpreter"] = sys.executable
    first_init(self, *arguments, **keywords)


SchemeDictionaryDestination.__init__ = init
