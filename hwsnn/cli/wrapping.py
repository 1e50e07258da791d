"""Text of a command's result, broken between words to fit a terminal."""

from __future__ import annotations

from click import unstyle


def wrapped(text: str, width: int | None, indent: int = 2) -> str:
    """``text`` with each line of more than ``width`` columns broken between words; words that are longer stay whole.

    What follows a break is indented by ``indent`` columns, as well as the line itself is. None: lines stay as they are.
    """
    return text if width is None else "\n".join(_wrapped_line(line, width, indent) for line in text.split("\n"))


def _wrapped_line(line: str, width: int, indent: int) -> str:
    body = line.lstrip(" ")
    start = " " * (len(line) - len(body))
    lines = [start]
    for number, word in enumerate(body.split(" ")):
        space = " " if number and lines[-1].strip() else ""
        if space and len(unstyle(lines[-1] + space + word)) > width:
            lines.append(start + " " * indent + word)
        else:
            lines[-1] += space + word
    return "\n".join(lines)


def broken_command(command: str, width: int) -> list[str]:
    """The lines of a command line of at most ``width`` columns, as far as its words allow: all but the last end in a
    backslash, so that a shell takes them as one."""
    lines = _wrapped_line(command, width - len(" \\"), 4).split("\n") if len(command) > width else [command]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
