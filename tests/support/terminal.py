"""Output as on a terminal of some width, though it goes to a test."""

from __future__ import annotations

import pytest


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """What is printed goes to a terminal of ``columns`` columns that gets no colours."""
    monkeypatch.setattr("hwsnn.terminal.is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
