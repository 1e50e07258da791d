"""What ``quantize`` says of a module beside the model that it just made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import stages

if TYPE_CHECKING:
    from hwsnn.checking.result import CheckResult
    from hwsnn.frontends.modules.build import ReadModule

    from ..spec import Network


@dataclass(frozen=True)
class SelfCheck:
    """``result``: None if the two cannot be compared, and ``reason`` says why."""

    result: CheckResult | None
    reason: str = ""

    @classmethod
    def of(cls, read: ReadModule, network: Network, counted: Mapping[str, Any]) -> SelfCheck:
        """On a few random frames; ``counted``: the quantizer's ``mean``, ``std`` and ``input_scale``, and others."""
        from hwsnn.checking.counterparts import CountedAs
        from hwsnn.checking.self_check import self_check

        with stages() as show:
            show.at("checking the model on random frames")
            try:
                counts = CountedAs(counted["mean"], counted["std"], counted["input_scale"])
                return cls(self_check(read, network, counts))
            except InputError as error:
                return cls(None, str(error))

    def to_json(self) -> dict[str, Any]:
        """As a field of JSON, null if there is no result."""
        from hwsnn.checking.self_check import summary

        return {"self_check": None if self.result is None else summary(self.result)}

    def __str__(self) -> str:
        if self.result is None:
            return f"self-check: not made: {self.reason}"
        shares = [f"{layer.name} {layer.differ / layer.values:.3%}" for layer in self.result.layers]
        differ = f"; spikes that differ: {', '.join(shares)}" if shares else ""
        return (
            f"self-check on {self.result.images} random frames: {self.result.answers_agree:.0%} of the answers are the "
            f"module's{differ}; hwsnn check compares them on data"
        )
