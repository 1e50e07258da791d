"""``python -m hwsnn``."""

from .children import leave_current_folder

leave_current_folder()  # before anything that is not Python's own is imported

from .cli import main  # noqa: E402

main()
