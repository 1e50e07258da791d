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


def reason(error: BaseException) -> str:
    """The first line of an error's text, short enough to stand in a line of our own."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= 200 else text[:197] + "..."
