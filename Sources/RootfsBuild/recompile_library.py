"""Compiles a standard library's byte code anew, in one order and under PYTHONHASHSEED.

Before Python 3.11 constant sets are written in the order of their hashes (https://bugs.python.org/issue37596), and Debian's
maintainer scripts compile with -E, which ignores PYTHONHASHSEED. Its one argument is the library's folder.
"""
import os
import py_compile
import sys

library = sys.argv[1]
# Nothing but what the smallest of Debian's Pythons has.
codes = sorted(
    os.path.join(folder, name) for folder, _, names in os.walk(library) if os.path.basename(folder) == "__pycache__"
    for name in names if name.endswith(".pyc"))
# Two processes, on however many processors: what marshal writes depends on what the process compiled before.
children = []
for part in range(2):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for code in codes[part::2]:
                level = int(code[-5]) if ".opt-" in code else 0
                # Not importlib's source_from_cache, which knows no module with a dot in its file's name.
                folder, name = os.path.split(code)
                source = f"{os.path.dirname(folder)}/{name.rpartition('.' + sys.implementation.cache_tag)[0]}.py"
                if os.path.exists(source):
                    py_compile.compile(source, cfile=code, doraise=True, optimize=level)
            status = 0
        except Exception as error:
            print(f"{code}: {error}", flush=True)
        finally:
            os._exit(status)
    children.append(child)
# A child that a signal ended has left byte code as it was.
sys.exit(int(any([os.waitpid(child, 0)[1] for child in children])))
