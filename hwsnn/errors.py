"""The exceptions whose text is meant for the person at the keyboard."""


class InputError(Exception):
    """Something the user handed over cannot be used.

    The text is one line: what is wrong, where, and what would be right. The command line prints it and exits with 2.
    """


class ToolError(Exception):
    """A program that we ran failed, or left no result.

    ``summary`` is one line, ``log`` the end of what the program printed. The command line prints both and exits with 2.
    """

    def __init__(self, summary: str, log: str = "") -> None:
        super().__init__(f"{summary}\n{log}".rstrip())
        self.summary = summary
        self.log = log
