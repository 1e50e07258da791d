"""``python -m hwsnn``."""

import sys

# Python put the current folder first, unless it was told not to. It goes before anything of Python's own is imported.
if not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]

from .processes.children import leave_current_folder

leave_current_folder()  # before anything that is not Python's own is imported

from .cli import main  # noqa: E402

main()
