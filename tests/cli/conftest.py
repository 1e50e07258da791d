"""What all tests of commands have around them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def search_path() -> Iterator[None]:
    """Commands that load a user's file add its folder to Python's path."""
    path = list(sys.path)
    yield
    sys.path[:] = path
