"""Folders such as Linux has below /sys/class/hwmon, written from its documents: none was recorded on a board.

Files and units are those of Documentation/ABI/testing/sysfs-class-hwmon and of the drivers ina2xx and iio_hwmon, names
those of the boards' device trees. The values are made up, but that of the ZCU102's u76, which is from a listing on the
mailing list of Linux's hwmon (August 2019), and the 14.05 W of a ZCU104 in PYNQ's notebook zcu104_pmbus.
"""

from __future__ import annotations

from pathlib import Path

ZCU102 = {
    "u76": 1_150_000,
    "u77": 312_500,
    "u78": 225_000,
    "u87": 75_000,
    "u85": 12_500,
    "u86": 12_500,
    "u93": 687_500,
    "u88": 87_500,
    "u15": 12_500,
    "u92": 37_500,
    "u79": 737_500,
    "u81": 37_500,
    "u80": 200_000,
    "u84": 137_500,
    "u16": 25_000,
    "u65": 0,
    "u74": 12_500,
    "u75": 25_000,
}
"""Microwatts by the part's number on the board."""
LOGIC_W = 0.975
"""Of u79, u81 and u80."""
CHIP_W = LOGIC_W + 1.8
"""And of u76, u77, u78, u87 and u92."""


def other_sensors(root: Path) -> None:
    """What a board has besides: a temperature of the chip, and a regulator whose outputs have no first power."""
    _write(root / "hwmon0", name="ps_ams", temp1_input=41250)
    _write(root / "hwmon1", name="irps5401", in1_input=11560, power2_input=3500000)


def iio_hwmon(root: Path, name: str, microwatts: int, number: int) -> Path:
    """A monitor by the driver iio_hwmon: in1 is the shunt, and there is no interval."""
    folder = root / f"hwmon{number}"
    _write(folder, name=name, in1_input=8, in2_input=848, curr1_input=1361, power1_input=microwatts)
    return folder


def ina2xx(root: Path, label: str | None, chip: str, microwatts: int, number: int) -> Path:
    """A monitor by the driver ina2xx, which newer kernels take for them: all are called as their chip."""
    folder = root / f"hwmon{number}"
    _write(folder, name=chip, in0_input=8, in1_input=848, curr1_input=1361, power1_input=microwatts, update_interval=1)
    if label is not None:
        _write(folder, label=label)
    return folder


def zcu102_tree(root: Path, old: bool = False) -> dict[str, Path]:
    """All of a ZCU102, by the part's number; ``old``: by iio_hwmon."""
    other_sensors(root)
    found = {}
    for number, (part, microwatts) in enumerate(ZCU102.items(), 2):
        if old:
            found[part] = iio_hwmon(root, f"ina226_{part}", microwatts, number)
        else:
            found[part] = ina2xx(root, f"ina226-{part}", "ina226", microwatts, number)
    return found


def _write(folder: Path, **texts: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n")
