"""The pages of the project that people read: Markdown, and notebooks."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "docs/**/*.ipynb",
        "models/*/*.md",
        "examples/**/*.md",
        ".github/**/*.md",
    )
    for page in ROOT.glob(pattern)
    if "_build" not in page.parts
)
