"""Starts Python code in a new process: ``python start.py FOLDERS MODULE[:FUNCTION] ARGUMENTS``.

This is a file because Python searches the current folder for modules if it is started with ``-m`` or ``-c``. It
searches only ``FOLDERS``, separated as in ``PYTHONPATH``, and not the folder of this file either.
"""

import sys

if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]

import importlib
import os
import runpy

os.umask(0o077)  # what is written on the way is nobody else's
sys.path[:] = sys.argv.pop(1).split(os.pathsep)
module, _, function = sys.argv.pop(1).partition(":")
if function:
    sys.exit(getattr(importlib.import_module(module), function)())
runpy.run_module(module, run_name="__main__", alter_sys=True)
