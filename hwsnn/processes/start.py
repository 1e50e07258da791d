"""Starts Python code in a process of its own: ``python start.py FOLDERS MODULE[:FUNCTION] ARGUMENTS``.

As a file, since Python looks for modules in the current folder where it is told of a module (``-m``) or a text
(``-c``). It looks in ``FOLDERS``, separated as in ``PYTHONPATH``, and nowhere else, not where this file lies either.
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
