"""``python -m hwsnn``."""

from .cli import main

main()
