"""The interface of every board: ``Accelerator``. ``docs/host.md`` shows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, TypeVar

import numpy as np

from hwsnn.errors import InputError
from hwsnn.progress import Advance, silent
from hwsnn.spec import Network
from hwsnn.spec.integers import Images, Int64Array

_Board = TypeVar("_Board", bound="Accelerator")


class Inference(NamedTuple):
    """The results of N images, in their order: ``scores`` (N, classes) and ``predictions`` (N,), both int64."""

    scores: Int64Array
    predictions: Int64Array


@dataclass(frozen=True)
class Stats:
    """Counters since the board was opened or reset; None if the link does not report one.

    ``frames``: answered. ``clocks``: cycles of the pipeline. ``input_stalls`` and ``output_stalls``: bus cycles in
    which a frame's word, or a result's, was offered and not taken. ``malformed``: packets that the board refused.
    ``retries``: frames that were sent again after errors on the line.
    """

    frames: int
    clocks: int | None
    input_stalls: int | None
    output_stalls: int | None
    malformed: int
    retries: int

    def __sub__(self, earlier: Stats) -> Stats:
        """The increase since ``earlier``."""
        return Stats(
            self.frames - earlier.frames,
            _grown(self.clocks, earlier.clocks),
            _grown(self.input_stalls, earlier.input_stalls),
            _grown(self.output_stalls, earlier.output_stalls),
            self.malformed - earlier.malformed,
            self.retries - earlier.retries,
        )


def _grown(now: int | None, then: int | None) -> int | None:
    return None if now is None or then is None else now - then


class Check(NamedTuple):
    """A self-test of a board: ``run`` returns its result in a few words, or raises ``InputError``."""

    name: str
    run: Callable[[], str]


class Accelerator(ABC):
    """A board that runs ``network``; ``name`` is what errors call it. ``hwsnn.board.open_board`` opens one.

    It is a context: leaving it closes the board.
    """

    def __init__(self, name: str, network: Network) -> None:
        self.name, self.network = name, network
        self._closed = False

    def infer(self, images: Images, progress: Advance = silent) -> Inference:
        """Run ``images``, (N, *network.frame_shape), of any number, on the board.

        Images of one channel may also be (N, H, W).

        ``progress`` is called with the number of new results. Raises ``ValueError`` for images of another shape or
        type, and for pixels above the network's largest; ``InputError`` if the board does not answer
        correctly. The board can be used again after either.
        """
        checked = self._checked(images)
        self._require_open()
        found = Inference(np.zeros((len(checked), self.network.classes), np.int64), np.zeros(len(checked), np.int64))
        if len(checked):
            self._infer(checked, found, progress)
        return found

    @abstractmethod
    def _infer(self, images: Images, found: Inference, progress: Advance) -> None:
        """Fill ``found`` with the results of ``images`` (N, *network.frame_shape), at least one."""

    def stats(self) -> Stats:
        """The counters since the board was opened or reset."""
        self._require_open()
        return self._stats()

    @abstractmethod
    def _stats(self) -> Stats: ...

    def describe(self) -> str:
        """The model that the board holds, in words; raises ``InputError`` if it is not the network."""
        self._require_open()
        return self._describe()

    @abstractmethod
    def _describe(self) -> str: ...

    @abstractmethod
    def checks(self) -> Sequence[Check]:
        """The board's self-tests. Whatever their results, the board can be used afterwards."""

    def close(self) -> None:
        """Release the board. Closing twice does nothing."""
        if not self._closed:
            self._closed = True
            self._close()

    @abstractmethod
    def _close(self) -> None: ...

    def __enter__(self: _Board) -> _Board:
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"{self.name}: was closed; open it again")

    def _checked(self, images: Images) -> Images:
        shape = self.network.frame_shape
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            raise ValueError(f"images must be a uint8 array, not {getattr(images, 'dtype', type(images).__name__)}")
        one_channel = len(shape) == 3 and shape[0] == 1
        flat = one_channel and images.ndim == 3
        if images.shape[1:] != (shape[1:] if flat else shape):
            also = f" or (N, {shape[1]}, {shape[2]})" if one_channel else ""
            expected = ", ".join(map(str, shape))
            raise ValueError(f"images must be of shape (N, {expected}){also}, not {images.shape}")
        if images.size and (largest := int(images.max())) > self.network.largest_pixel:
            raise ValueError(f"pixels must be at most {self.network.largest_pixel}, not {largest}")
        return images[:, np.newaxis] if flat else images


def model_words(digest: bytes, shape: Sequence[int], pixel_bits: int, timesteps: int, classes: int) -> str:
    """A board's model in a few words. ``digest``: of the model; ``shape``: a frame's steps, channels, height, width."""
    extent = "x".join(map(str, shape if shape[0] > 1 else shape[1:]))
    return f"{digest[:8].hex()}, {extent} pixels of {pixel_bits} bits, T={timesteps}, {classes} classes"


def wrong_model_error(name: str, found: str, network: Network, expected: str) -> InputError:
    """The error of a board that holds another model than ``network``; both described in a few words."""
    return InputError(
        f"{name}: the board holds another model ({found}) than {network.name} ({expected}); "
        "load the bitstream that hwsnn build makes of it"
    )
