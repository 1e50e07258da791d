"""A stand-in for torchvision where it is missing or does not load, as PyPI's does not beside a torch for CPUs alone.

Some modules of frameworks import names of torchvision that no test of ours uses. With the stand-in every import of
torchvision and of its modules works, and every name in them is an empty class.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Empty(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by the import system, which takes an answer at its word
            raise AttributeError(name)
        return type(name, (), {})


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if _is_torchvision(name) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def stand_in_for_torchvision() -> None:
    """Unless the real one can be imported. Stays for the rest of the process."""
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError):  # RuntimeError: its operators are not those of this torch
        for name in [name for name in sys.modules if _is_torchvision(name)]:
            del sys.modules[name]
        sys.meta_path.insert(0, _Finder())


def _is_torchvision(name: str) -> bool:
    return name.split(".")[0] == "torchvision"
