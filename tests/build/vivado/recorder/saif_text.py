"""Reads SAIF files by their grammar: nested lists in parentheses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r'\(|\)|"[^"]*"|[^\s()"]+')
NAME = re.compile(r"[A-Za-z_$][\w$]*(\\\[\d+\\\])?")


@dataclass
class Saif:
    """A file's headings, and of every net, by instances and name, its times in units and its number of toggles."""

    headings: dict[str, list[str]] = field(default_factory=dict)
    nets: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)

    @property
    def duration(self) -> int:
        """Of the whole recording, in units of its time scale."""
        return int(self.headings["DURATION"][0])


def parse(text: str) -> Saif:
    """The content of a file. Raises ``ValueError`` where it breaks the grammar."""
    stack: list[list[Any]] = [[]]
    for token in TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise ValueError("a parenthesis too many")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1 or stack[0][0][0] != "SAIFILE":
        raise ValueError("not one whole SAIFILE")
    saif = Saif()
    for entry in stack[0][0][1:]:
        if entry[0] == "INSTANCE":
            _instance(entry, (), saif)
        else:
            saif.headings[entry[0]] = entry[1:]
    return saif


def _instance(entry: list[Any], above: tuple[str, ...], saif: Saif) -> None:
    path = (*above, entry[1])
    for part in entry[2:]:
        if part[0] == "INSTANCE":
            _instance(part, path, saif)
        elif part[0] == "NET":
            for net, *values in part[1:]:
                full = (*path, net)
                if not NAME.fullmatch(net) or full in saif.nets:
                    raise ValueError(f"net {net}: no name, or there twice")
                saif.nets[full] = {name: int(value) for name, value in values}
        else:
            raise ValueError(f"{part[0]} in an instance")
