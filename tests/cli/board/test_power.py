"""What ``hwsnn board bench`` says of figures that are given."""

from __future__ import annotations

from hwsnn.build.bitstream import PowerEstimate
from hwsnn.cli.board_power import PowerReport
from hwsnn.host.power import Level, PowerRun, SupplyPower
from hwsnn.interface.power import Rail, Supply

SUPPLY = Supply("the chip", (Rail("A", ("a",)), Rail("B", ("b",))))
BEFORE, RUNNING, AFTER, IDLE = Level(2.0, 0.01, 20), Level(2.5, 0.02, 21), Level(2.25, 0.01, 22), Level(2.125, 0.1, 42)
RUN = PowerRun(200_000, 2.0, 0.035, (SupplyPower(SUPPLY, BEFORE, RUNNING, AFTER, IDLE),), ())
ESTIMATE = PowerEstimate(4.25, 0.5)
ESTIMATED = (
    "Vivado's estimate of this build: 4.250 W the whole chip, 0.500 W of it the accelerator; "
    "42.5 uJ per frame at this rate, estimated"
)


def test_lines() -> None:
    assert list(PowerReport(RUN, ("another supply: none",), ESTIMATE).lines()) == [
        "power was read every 35 ms while 200,000 frames ran, 100,000 frames/s, and before and after",
        "the chip (A, B): 2.125 W idle, 2.500 W running (spread 0.100 and 0.020 W, 42 and 21 readings)",
        "  25 uJ per frame, 3.75 uJ of it above idle",
        ESTIMATED,
        "power was not measured: another supply: none",
    ]


def test_json() -> None:
    fields = PowerReport(RUN, (), ESTIMATE).to_json()
    (supply,) = fields["supplies"]
    assert supply == {
        "of": "the chip",
        "rails": ["A", "B"],
        "before": {"mean_w": 2.0, "spread_w": 0.01, "samples": 20},
        "running": {"mean_w": 2.5, "spread_w": 0.02, "samples": 21},
        "after": {"mean_w": 2.25, "spread_w": 0.01, "samples": 22},
        "idle": {"mean_w": 2.125, "spread_w": 0.1, "samples": 42},
        "frame_uj": 25.0,
        "frame_above_idle_uj": 3.75,
    }
    assert fields["estimate"] == {"total_w": 4.25, "accelerator_w": 0.5, "frame_uj": 42.5}


def test_slow_boards() -> None:
    slow = PowerRun(200, 2.0, 0.035, RUN.supplies, ())
    assert list(PowerReport(slow, ()).lines())[-1] == "  25,000 uJ per frame, 3,750 uJ of it above idle"


def test_no_estimate() -> None:
    assert PowerReport(RUN, ()).to_json()["estimate"] is None
    assert not [line for line in PowerReport(RUN, ()).lines() if "estimate" in line]
