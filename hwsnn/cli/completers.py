"""What a shell offers for an argument: words that hwsnn knows, and files.

Words are listed here. Files are the shell's own business, which knows their quoting: an item of the type ``FILES``
names the endings that fit, and its script adds folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from hwsnn.files.shipped import folder, model_folders

COMPLETES = "_HWSNN_COMPLETE"
"""The environment variable by which a shell's script asks for completions; its value names the shell."""
DATA_WORDS = "digits, mnist, fashion-mnist, cifar10, mnist-events, spoken-digits"
"""The words of data sets (``hwsnn.data.sets``), written out here because help texts load no numpy."""
FILES = "files"
"""The type of an item whose value is a list of endings, such as ``nir|py``."""

# In quotes: before click 8.5 the class takes no parameter.
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]


def offering(words: Callable[[], Iterable[str]], *endings: str) -> Completer:
    """The words that begin with what is typed, and files with one of the ``endings``, without their dots."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        items = [CompletionItem(word) for word in words() if word.startswith(incomplete)]
        return [*items, CompletionItem("|".join(endings), type=FILES)] if endings else items

    return complete


def _models() -> list[str]:
    return [name for name, place in model_folders().items() if (place / f"{name}.safetensors").is_file()]


def _boards() -> list[str]:
    return sorted(file.stem.replace("_", "-") for file in folder("boards").glob("*.py"))


def _addresses() -> list[str]:
    from pathlib import Path

    ports = sorted(Path("/dev").glob("tty[UA][SC][BM]*"))
    return ["sim:", *(f"serial:{port}" for port in ports), *_boards(), "pynq"]


model = offering(_models, "safetensors")
data = offering(lambda: DATA_WORDS.split(", "), "npz")
board = offering(_boards, "py")
address = offering(_addresses)
source = offering(_models, "py", "nir", "safetensors")
recipe = offering(model_folders, "py")
pytorch_device = offering(lambda: ("cpu", "cuda"))
