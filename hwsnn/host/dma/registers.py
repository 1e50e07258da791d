"""The accelerator's registers over a bus, and a check that they are a network's; ``docs/axi.md`` defines them."""

from __future__ import annotations

import time

from hwsnn.errors import InputError
from hwsnn.host.accelerator import Stats, model_words, wrong_model_error
from hwsnn.interface.registers import (
    COUNTER_BYTES,
    HASH_WORDS,
    INTERFACE_VERSION,
    MAGIC,
    REGISTER_BYTES,
    REGISTERS,
    WORD_BYTES,
    constants,
    of_kind,
    register,
)
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Network

from .bus import Bus

RESET_S = 5.0
"""Time-out of a reset, in seconds."""


class Registers:
    """The accelerator's registers on a bus. ``word_bytes`` is known once ``require`` has passed."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._base = bus, bus.addresses.registers
        self.word_bytes = 0

    def read(self, name: str) -> int:
        """The register ``name``; of a counter all 64 bits."""
        entry = register(name)
        low = self._bus.read32(self._base + entry.offset)
        if entry.size != COUNTER_BYTES:
            return low
        return low | self._bus.read32(self._base + entry.offset + REGISTER_BYTES) << 32

    def write(self, name: str, value: int) -> None:
        """Write the register ``name``."""
        self._bus.write32(self._base + register(name).offset, value)

    def status(self, field: str) -> bool:
        """A field of ``STATUS``."""
        return bool(register("STATUS").field(field).of(self.read("STATUS")))

    def require(self, network: Network) -> str:
        """Raise ``InputError`` unless the accelerator is one, of our version, of ``network``; else describe it."""
        name = self._bus.name
        magic = self.read("ID")
        if magic != MAGIC:
            raise InputError(f"{name}: holds no hwsnn accelerator (ID reads 0x{magic:08X}); load its bitstream")
        version = self.read("VERSION")
        if version != INTERFACE_VERSION:
            raise InputError(
                f"{name}: the accelerator has version {version} of the interface, not {INTERFACE_VERSION}; "
                "load the bitstream that this hwsnn builds"
            )
        found = {entry.name: self.read(entry.name) for entry in of_kind("constant")}
        word_bytes = found["WORD_BYTES"]
        if word_bytes not in WORD_BYTES:
            raise InputError(f"{name}: the accelerator has words of {word_bytes} bytes; load the bitstream again")
        expected = constants(network, model_hash(network), word_bytes)
        if found != expected:
            raise wrong_model_error(name, _identity_text(found), network, _identity_text(expected))
        self.word_bytes = word_bytes
        return f"{network.name}, {_identity_text(found)}, words of {word_bytes} bytes"

    def try_out(self) -> str:
        """Raise ``InputError`` if a constant can be written, or an unused offset does not read 0."""
        name = self._bus.name
        for entry in of_kind("constant"):
            before = self.read(entry.name)
            self.write(entry.name, before ^ 0xFFFF_FFFF)
            if self.read(entry.name) != before:
                raise InputError(f"{name}: {entry.name} was written, and is constant; load the bitstream again")
        used = {offset for entry in REGISTERS for offset in range(entry.offset, entry.offset + entry.size, 4)}
        silent = {*range(0, REGISTERS[-1].offset + 0x20, 4)} - used | {register("CONTROL").offset}
        for offset in sorted(silent):
            if value := self._bus.read32(self._base + offset):
                raise InputError(f"{name}: reads 0x{value:08X} at offset 0x{offset:03X}, not 0; load it again")
        return f"{len(of_kind('constant'))} constants hold, {len(silent)} other places read 0"

    def reset(self) -> None:
        """Reset the accelerator: no frames, counters at 0. Raises ``InputError`` if the reset does not end."""
        self.write("CONTROL", register("CONTROL").field("RESET").mask)
        deadline = time.monotonic() + RESET_S
        while self.status("RESETTING"):
            if time.monotonic() > deadline:
                raise InputError(f"{self._bus.name}: the accelerator's reset does not end; load the bitstream again")

    def stats(self) -> Stats:
        """The counters."""
        return Stats(
            frames=self.read("FRAMES"),
            clocks=self.read("CLOCKS"),
            input_stalls=self.read("INPUT_STALLS"),
            output_stalls=self.read("OUTPUT_STALLS"),
            malformed=self.read("MALFORMED"),
            retries=0,
        )


def _identity_text(values: dict[str, int]) -> str:
    digest = b"".join(values[f"MODEL_HASH_{index}"].to_bytes(REGISTER_BYTES, "little") for index in range(HASH_WORDS))
    shape = [values[name] for name in ("FRAME_STEPS", "CHANNELS", "HEIGHT", "WIDTH")]
    return model_words(digest, shape, values["PIXEL_BITS"], values["TIMESTEPS"], values["CLASSES"])
