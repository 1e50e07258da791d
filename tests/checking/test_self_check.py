"""The frames on which a module is compared with its model by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn.checking import self_check as self_check_module
from hwsnn.checking.check import check
from hwsnn.checking.counterparts import CountedAs
from hwsnn.checking.result import CheckResult
from hwsnn.checking.self_check import FRAMES, self_check
from tests.checking import compared, nets


def test_spikes_where_values_of_steps_count_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[Any]()

    def record(read: Any, network: Any, images: Any, **how: Any) -> CheckResult:
        seen.append(images)
        return check(read, network, images, **how)

    monkeypatch.setattr(self_check_module, "check", record)
    read = compared.read(nets.conv(), "steps")
    for scale, largest in ((None, 1), (1 / 255, 255)):
        network = compared.made(nets.conv(), "steps", input_scale=scale)
        result = self_check(read, network, CountedAs(input_scale=scale))
        assert result.images == FRAMES
        assert [one.differ for one in result.layers][: 1 if scale else 2] == [0] * (1 if scale else 2)
        assert (int(seen[-1].max()), seen[-1].shape) == (largest, (FRAMES, compared.STEPS, *compared.IMAGE))
        assert seen[-1].dtype == np.uint8


@pytest.mark.parametrize(("operations", "frames"), [(1, 1), (5 * (12 * 30 + 48) * compared.STEPS, 5)])
def test_large_networks_get_fewer_frames(monkeypatch: pytest.MonkeyPatch, operations: int, frames: int) -> None:
    monkeypatch.setattr(self_check_module, "MOST_OPERATIONS", operations)
    result = self_check(compared.read(nets.dense()), compared.made(nets.dense()), CountedAs())
    assert result.images == frames
