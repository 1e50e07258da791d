"""The one exception whose text is meant for the person at the keyboard."""


class InputError(Exception):
    """Something the user handed over cannot be used.

    The text is one line: what is wrong, where, and what would be right. The command line prints it and exits with 2.
    """
