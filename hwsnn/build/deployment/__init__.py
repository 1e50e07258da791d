"""The folder that one copies to a board: ``hwsnn build --deploy``."""
