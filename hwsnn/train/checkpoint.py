"""Checkpoints of training, read as untrusted: no code of theirs is run, and nothing in them is packed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError


def load(path: Path) -> dict[str, Any]:
    """What ``torch.save`` wrote to ``path``: tensors, numbers and texts by name. Raises ``InputError``."""
    try:
        with zipfile.ZipFile(path) as archive:
            # PyTorch packs nothing, and would unpack anything: a few kilobytes to any number.
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("it is packed")
        state = torch.load(path, weights_only=True)  # tensors and numbers: no code is run
        if not isinstance(state, dict):
            raise TypeError("it holds no names")
    except Exception as error:  # whatever is wrong with it: torch's unpickler has no list of that
        raise InputError(f"{path}: not a readable checkpoint ({type(error).__name__}); remove it") from None
    return state
