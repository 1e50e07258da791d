"""The boards that this Vivado has files of: what they say, by their makers' own documents and board files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class KnownBoard:
    """``memory``: bytes of DDR at its processing system. ``carriers``: what is at the connectors of a module."""

    name: str
    part: str
    memory: int
    versions: tuple[str, ...]
    carriers: Mapping[str, str] = field(default_factory=dict)


KNOWN = {
    board.name: board
    for board in (
        KnownBoard("xilinx.com:zcu102:part0", "xczu9eg-ffvb1156-2-e", 4 * GIBIBYTE, ("3.3", "3.4")),
        KnownBoard("xilinx.com:zcu104:part0", "xczu7ev-ffvc1156-2-e", 2 * GIBIBYTE, ("1.0", "1.1")),
        KnownBoard(
            "xilinx.com:kv260_som:part0",
            "xck26-sfvc784-2LV-c",
            4 * GIBIBYTE,
            ("1.3", "1.4"),
            {"som240_1_connector": "xilinx.com:kv260_carrier:som240_1_connector:1.3"},
        ),
        KnownBoard(
            "xilinx.com:kr260_som:part0",
            "xck26-sfvc784-2LV-c",
            4 * GIBIBYTE,
            ("1.0", "1.1"),
            {
                "som240_1_connector": "xilinx.com:kr260_carrier:som240_1_connector:1.0",
                "som240_2_connector": "xilinx.com:kr260_carrier:som240_2_connector:1.0",
            },
        ),
        KnownBoard("avnet.com:ultra96v2:part0", "xczu3eg-sbva484-1-i", 2 * GIBIBYTE, ("1.1", "1.2")),
        KnownBoard("tul.com.tw:pynq-z2:part0", "xc7z020clg400-1", 512 * MEBIBYTE, ("1.0",)),
        KnownBoard("digilentinc.com:zybo-z7-20:part0", "xc7z020clg400-1", GIBIBYTE, ("1.1", "1.2")),
    )
}


def board_files() -> list[str]:
    """Their names, with the version."""
    return [f"{board.name}:{version}" for board in KNOWN.values() for version in board.versions]


def of_version(name: str) -> KnownBoard:
    """The board whose files, of one version, have this name."""
    return KNOWN[name.rpartition(":")[0]]
