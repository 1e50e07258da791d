"""The design in the logic: the bitstream's file, all registers, and the state of the DMA."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from hwsnn.build.bitstream import board_of, part_of
from hwsnn.host.dma.bus import Bus
from hwsnn.host.dma.registers import Registers
from hwsnn.interface.dma import ERRORS, MM2S, S2MM, DmaStatus, Offset
from hwsnn.interface.registers import HASH_WORDS, MAGIC, REGISTER_BYTES, REGISTERS
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash

BUILT = ("board", "model_sha256", "target_mhz", "fmax_mhz", "timing_met", "versions")
"""What is told of ``build.json``."""
CHANNELS = {"MM2S, brings frames": MM2S, "S2MM, takes results": S2MM}


def bitstream(file: Path) -> Iterator[str]:
    """The file, and what lies beside it."""
    yield _file(file)
    if not file.is_file():
        return
    yield f"its header names: {part_of(file) or 'no FPGA: it is no bitstream'}"
    yield _file(file.with_suffix(".hwh"))
    if board_of(file) is None:
        yield "no build.json of it beside it"
        return
    built = json.loads((file.parent / "build.json").read_text())
    for name in BUILT:
        yield f"build.json, {name}: {built.get(name)}"


def model(name: str) -> Iterator[str]:
    """The model that the board should hold."""
    network = load_model(name)
    yield f"{network.name}, {'x'.join(map(str, network.frame_shape))}, T={network.timesteps}, {network.classes} classes"
    yield f"SHA-256 {model_hash(network)}"


def design(open_bus: Callable[[], Bus], model: str | None) -> Iterator[str]:
    """All registers, and the DMA's. ``open_bus`` raises ``InputError`` unless it is known that they are there."""
    bus = open_bus()
    try:
        addresses = bus.addresses
        yield f"accelerator at 0x{addresses.registers:X}, DMA at 0x{addresses.dma:X}"
        yield from _registers(Registers(bus), model)
        for title, base in CHANNELS.items():
            yield f"DMA, {title}:"
            yield from _channel(bus, addresses.dma + base)
    finally:
        bus.close()


def _registers(registers: Registers, model: str | None) -> Iterator[str]:
    if (magic := registers.read("ID")) != MAGIC:
        yield f"ID reads 0x{magic:08X}, not 0x{MAGIC:08X}: no hwsnn accelerator; its other registers were not read"
        return
    found = {}
    for entry in REGISTERS:
        value = found[entry.name] = registers.read(entry.name)
        fields = "".join(f", {field.name} {field.of(value)}" for field in entry.fields if entry.kind == "status")
        yield f"{entry.name:<12} 0x{value:0{2 * entry.size}X} {value}{fields}"
    words = (found[f"MODEL_HASH_{index}"] for index in range(HASH_WORDS))
    digest = b"".join(word.to_bytes(REGISTER_BYTES, "little") for word in words).hex()
    yield f"model by the registers: {digest}"
    if model is not None:
        yield f"which is {'the same as' if digest == model_hash(load_model(model)) else 'ANOTHER THAN'} MODEL's"


def _channel(bus: Bus, base: int) -> Iterator[str]:
    values = {offset: bus.read32(base + offset) for offset in Offset}
    for offset, value in values.items():
        yield f"{offset.name:<12} 0x{value:08X}"
    status = values[Offset.STATUS]
    states = [bit.name or "" for bit in (DmaStatus.HALTED, DmaStatus.IDLE) if status & bit]
    yield f"its state: {', '.join([*states, *(text for bit, text in ERRORS.items() if status & bit)]) or 'running'}"


def _file(file: Path) -> str:
    """A line: name, size and hash of a file."""
    if not file.is_file():
        return f"{file.name}: not there"
    content = file.read_bytes()
    return f"{file.name}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"
