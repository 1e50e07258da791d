"""Docstrings of components: sections in one form, which name every parameter and port."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import pytest
from amaranth.lib import wiring

import hwsnn.rtl


def _components() -> list[type[Any]]:
    found: list[type[Any]] = []
    for info in pkgutil.walk_packages(hwsnn.rtl.__path__, "hwsnn.rtl."):
        for value in vars(importlib.import_module(info.name)).values():
            if inspect.isclass(value) and issubclass(value, wiring.Component) and value.__module__ == info.name:
                found.append(value)
    return found


COMPONENTS = _components()


def _entries(component: type[Any], section: str) -> list[str]:
    """The names that a section of the docstring describes: of the class, or where it has none of the nearest base."""
    for base in component.__mro__:
        if not base.__module__.startswith("hwsnn.rtl"):
            continue
        lines = inspect.cleandoc(base.__doc__ or "").splitlines()
        if section not in lines:
            continue
        names: list[str] = []
        first = lines.index(section)
        assert lines[first + 1] == "-" * len(section)
        for line, following in pairwise([*lines[first + 2 :], ""]):
            if _is_underline(following):
                break
            if line and not line.startswith(" "):
                names += line.partition(" : ")[0].split(", ")
        return names
    return []


def _ports(component: type[Any]) -> set[str]:
    """Names of ports that the constructors write out, as keys of a dict with values ``In(...)`` or ``Out(...)``."""
    found: set[str] = set()
    for base in component.__mro__:
        if not base.__module__.startswith("hwsnn.rtl") or "__init__" not in vars(base):
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(vars(base)["__init__"])))):
            if isinstance(node, ast.Dict):
                found |= {
                    key.value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str) and _is_port(value)
                }
    return found


def _is_underline(line: str) -> bool:
    return bool(line) and set(line) == {"-"}


def _is_port(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("In", "Out")


def test_components_are_found() -> None:
    assert {"Pipeline", "ModuloCounter", "AxiShell", "PoissonEncoder"} <= {one.__name__ for one in COMPONENTS}


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_parameters(component: type[Any]) -> None:
    parameters = set(inspect.signature(component).parameters)
    assert set(_entries(component, "Parameters")) == parameters


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_ports(component: type[Any]) -> None:
    named = _entries(component, "Ports")
    assert named
    missing = {port for port in _ports(component) if not any(fnmatchcase(port, name) for name in named)}
    assert not missing
