"""Files that are written whole or not at all, caches, scratch folders, and where shipped files are."""
