"""The order of a frame's bytes, written out by loops from the norms."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.interface.frames import in_wire_order


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 4, 5), (1, 4, 5), (7, 1, 1), (1, 1, 1)])
def test_images(channels: int, height: int, width: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, channels, height, width), np.uint8)
    for image, ordered in zip(images, in_wire_order(images), strict=True):
        wanted = [image[c, y, x] for y in range(height) for x in range(width) for c in range(channels)]
        assert list(ordered.tobytes()) == wanted


@pytest.mark.parametrize(("steps", "channels", "height", "width"), [(6, 3, 4, 5), (6, 7, 1, 1), (1, 3, 4, 5)])
def test_frames_with_steps(steps: int, channels: int, height: int, width: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, steps, channels, height, width), np.uint8)
    for frame, ordered in zip(frames, in_wire_order(frames), strict=True):
        wanted = [
            frame[t, c, y, x]
            for y in range(height)
            for x in range(width)
            for t in range(steps)
            for c in range(channels)
        ]
        assert list(ordered.tobytes()) == wanted
