"""Every example runs as it stands, anywhere, without a warning, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIMULATED = {"classify"}
"""Examples that need a simulator: ``rtl_tests`` runs those."""
EXAMPLES = sorted(
    path for path in (Path(__file__).parent.parent / "examples").glob("*.py") if path.stem not in SIMULATED
)


def run(example: Path, folder: Path) -> str:
    """What the example prints when run in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower()
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nir_to_model_reports_what_it_built(tmp_path: Path) -> None:
    (example,) = [path for path in EXAMPLES if path.stem == "nir_to_model"]
    printed = run(example, tmp_path)
    for part in ("small: 4 time steps, direct encoding, membrane readout", "spiking max-pool 'or'", "predictions: "):
        assert part in printed
