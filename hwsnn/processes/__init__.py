"""Child processes that import nothing from the current folder."""
