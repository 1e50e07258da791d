"""``FILE.py:NAME``: a module from a user's own Python file, with the weights of a checkpoint.

The file is the user's program and is run; a checkpoint is read as tensors alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from hwsnn.errors import InputError, reason

from .frameworks import framework_of

STATES = ("state_dict", "model_state_dict")
"""Under these keys a checkpoint may hold the weights."""


@dataclass(frozen=True)
class ModuleSource:
    """``FILE.py:NAME``; NAME is a module, or a callable of no arguments that returns one."""

    file: Path
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


def load_module(source: ModuleSource, weights: Path | None = None) -> nn.Module:
    """The module, in eval mode, with ``weights``. Raises ``InputError`` for what is no module, or does not fit."""
    _require_file(source.file)
    with contextlib.redirect_stdout(sys.stderr):  # stdout has what we say, JSON perhaps
        made = _run(source, lambda: _made(source))
    if not isinstance(made, nn.Module):
        raise InputError(
            f"{source}: must be a torch.nn.Module, or a callable of no arguments that returns one, not "
            f"{type(made).__name__}"
        )
    if weights is not None:
        _load_weights(made, weights)
    return made.eval()


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")


def _made(source: ModuleSource) -> Any:
    spec = importlib.util.spec_from_file_location(source.file.stem, source.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _by_name(module), _its_folder_first(source.file.absolute().parent):
        spec.loader.exec_module(module)
        return _named(source, module)


def _named(source: ModuleSource, module: ModuleType) -> Any:
    if not hasattr(module, source.name):
        names = [name for name, one in vars(module).items() if _could_be_meant(one, source.file.stem)]
        raise InputError(f"{source.file}: has no {source.name!r}; it has {', '.join(sorted(names)[:8]) or 'no module'}")
    found = getattr(module, source.name)
    return found if isinstance(found, nn.Module) or not callable(found) else found()


def _could_be_meant(one: Any, file: str) -> bool:
    return isinstance(one, nn.Module) or (callable(one) and getattr(one, "__module__", None) == file)


def _run(source: ModuleSource, made: Any) -> Any:
    """What the user's code makes; whatever it raises is an ``InputError`` of one line that names its line."""
    try:
        return made()
    except (InputError, KeyboardInterrupt):
        raise
    except SystemExit:
        raise InputError(
            f"{source}: ends the program when it is imported; put what trains below if __name__ == '__main__'"
        ) from None
    except ModuleNotFoundError as error:
        from hwsnn.packages import lacking

        needed = lacking(error, "quantize") or reason(error)
        raise InputError(f"{_where(source, error)}: needs {needed}") from None
    except SyntaxError as error:
        raise InputError(f"{error.filename or source}: line {error.lineno}: {error.msg}") from None
    except BaseException as error:
        raise InputError(f"{_where(source, error)}: {type(error).__name__}: {reason(error)}") from error


def _where(source: ModuleSource, error: BaseException) -> str:
    """The user's file and the last of its lines that ran."""
    own = str(source.file.absolute())
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == own]
    return f"{source.file}: line {lines[-1]}" if lines else str(source)


@contextlib.contextmanager
def _its_folder_first(folder: Path) -> Iterator[None]:
    """While it is open, the folder is searched first, as Python does for a script; afterwards last."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:  # the file may have changed it
            sys.path.remove(str(folder))
        sys.path.append(str(folder))


@contextlib.contextmanager
def _by_name(module: ModuleType) -> Iterator[None]:
    """While it is open, ``module`` can be imported by its name, as dataclasses and files beside it may do.

    Afterwards the name is free again for what else may have it, such as a package that we need.
    """
    added = sys.modules.setdefault(module.__name__, module) is module
    try:
        yield
    finally:
        if added:
            sys.modules.pop(module.__name__, None)


def _load_weights(module: nn.Module, path: Path) -> None:
    state = _without_states(module, _state_dict(path))
    try:
        found = module.load_state_dict(state, strict=False)
    except (RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines()
        raise InputError(f"{path}: does not fit the module: {reason(ValueError(lines[-1].strip()))}") from None
    empty = {name for name, tensor in module.named_buffers() if not tensor.numel()}
    missing = [name for name in found.missing_keys if name not in empty]
    if missing or found.unexpected_keys:
        lacks = f"lacks {_some(missing)}" if missing else ""
        extra = f"has {_some(found.unexpected_keys)}, which the module lacks" if found.unexpected_keys else ""
        raise InputError(f"{path}: does not fit the module: it {' and '.join(filter(None, (lacks, extra)))}")


def _without_states(module: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the membranes that some frameworks save too: buffers of neurons that are empty before a run."""
    states = {
        f"{name}.{buffer}".lstrip(".")
        for name, one in module.named_modules()
        if framework_of(one)
        for buffer, tensor in one.named_buffers(recurse=False)
        if not tensor.numel()
    }
    return {name: tensor for name, tensor in state.items() if name not in states}


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    _require_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is refused below
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling, and zip files that are damaged, have many
        text = reason(error)
        if text.startswith("Weights only load failed"):  # PyTorch goes on with how to run the file as a program
            other = re.search(r"GLOBAL (\S+)", str(error))
            text = f"it holds {other[1]}, not tensors alone" if other else "it holds more than tensors"
        raise InputError(
            f"{path}: cannot be read as weights alone ({text}); save net.state_dict() with torch.save"
        ) from None
    for key in STATES:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise InputError(f"{path}: must hold a state dict, or one as {' or '.join(STATES)}, not {type(found).__name__}")
    wrong = [str(name) for name, one in found.items() if not isinstance(one, torch.Tensor) or not isinstance(name, str)]
    if wrong:
        raise InputError(
            f"{path}: must hold tensors by name, but {wrong[0][:60]!r} is none; save net.state_dict(), or a checkpoint "
            f"that has it as {' or '.join(STATES)}"
        )
    return {str(name): tensor for name, tensor in found.items()}


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
