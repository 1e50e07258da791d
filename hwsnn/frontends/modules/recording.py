"""What a module does with a frame, by running it: its modules and functions in their order, and what each takes.

The module is run, and not only read, so that loops over time and decisions by shapes are no obstacle. A decision by
values is one: hardware takes no other way for another image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from hwsnn.errors import InputError

DECIDING = {"__bool__", "__float__", "__int__", "__index__", "item", "tolist", "numpy", "equal", "allclose"}
"""Functions by which values leave the tensors."""
BY_SHAPE = {f"{name}_like" for name in ("zeros", "ones", "full", "empty", "rand", "randn")}
BY_SHAPE |= {f"new_{name}" for name in ("zeros", "ones", "full", "empty", "tensor")}
"""Functions that take a tensor for its shape and type alone."""


@dataclass(eq=False)
class Value:
    """A tensor that depends on the input. ``call``: what made it, None for the input itself.

    ``position``: among the tensors that the call gave; ``membrane``: whether it is the membrane of neurons.
    """

    call: Call | None
    tensor: torch.Tensor
    position: int = 0
    membrane: bool = False


@dataclass(eq=False)
class Call:
    """A call of a module that is not looked into, or of a function (``module`` is None).

    ``inputs``: the tensors among the arguments that depend on the input. ``number``: of calls before it;
    ``occurrence``: of those of its module. ``handed``: whether there are other tensors behind the first argument;
    ``fresh``: whether they are all zeros.
    """

    name: str
    module: nn.Module | None
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Value, ...]
    number: int
    occurrence: int = 0
    values: list[Value] = field(default_factory=list)
    handed: bool = False
    fresh: bool = True

    @property
    def title(self) -> str:
        """As an error names it."""
        return self.name if self.module is None else f"{self.name} ({type(self.module).__name__})"

    def error(self, text: str) -> InputError:
        """The exception for an error in this call."""
        return InputError(f"{self.title}: {text}")


class Recorder(TorchFunctionMode):
    """Records while it is entered. ``is_whole(module)``: whether a module is a call of its own, not looked into.

    ``membrane(module, output)``: the membrane that such a module keeps after a call, None for those without.
    """

    def __init__(
        self,
        network: nn.Module,
        is_whole: Callable[[nn.Module], bool],
        membrane: Callable[[nn.Module, Any], torch.Tensor | None],
    ) -> None:
        super().__init__()
        self._network = network
        self._is_whole = is_whole
        self._membrane = membrane
        self._known: dict[int, Value] = {}
        self._kept: list[Value] = []  # a tensor's identity is its own only while it lives
        self._counts: Counter[nn.Module] = Counter()
        self._calls: list[Call] = []
        self._inside = 0

    def input(self, tensor: torch.Tensor) -> torch.Tensor:
        """``tensor`` as an input of the network."""
        self._note(Value(None, tensor))
        return tensor

    def value(self, output: Any) -> Value | None:
        """What was recorded of ``output``, or of its first element; None if it does not depend on the input."""
        while isinstance(output, tuple | list) and output:
            output = output[0]
        return self._known.get(id(output))

    def calls_of(self, module: nn.Module | None) -> list[Call]:
        """Those that depend on the input, the first one first."""
        return [call for call in self._calls if call.module is module]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        inputs = self._values_in((args, kwargs))
        name = _function_name(func)
        if inputs and name in DECIDING:
            raise InputError(
                f"its forward decides by the values of a tensor ({name}), and hardware does the same for every image; "
                "leave the decision out"
            )
        result = func(*args, **kwargs)
        if inputs and name not in BY_SHAPE:
            call = Call(name, None, func, args, kwargs, inputs, len(self._calls))
            self._add(call, args[0] if name == "__setitem__" else result)
        return result

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """While it is open, calls of whole modules are recorded as such."""
        hooks = []
        for name, module in self._network.named_modules():
            if self._is_whole(module):
                hooks.append(module.register_forward_pre_hook(self._enter))
                hooks.append(module.register_forward_hook(self._leaver(name or "the module"), with_kwargs=True))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, module: nn.Module, args: Any) -> None:
        self._inside += 1

    def _leaver(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._inside -= 1
            if self._inside:
                return
            occurrence, self._counts[module] = self._counts[module], self._counts[module] + 1
            inputs = self._values_in((args, kwargs))
            if not inputs:
                return
            call = Call(name, module, module.forward, args, kwargs, inputs, len(self._calls), occurrence)
            others = [one for one in tensors((args[1:], kwargs)) if id(one) not in self._known]
            call.handed, call.fresh = bool(others), not any(bool((one != 0).any()) for one in others)
            self._add(call, output)
            membrane = self._membrane(module, output)
            if membrane is not None:
                self._add_to(call, membrane)
                next(value for value in call.values if value.tensor is membrane).membrane = True

        return leave

    def _add(self, call: Call, output: Any) -> None:
        self._calls.append(call)
        for tensor in tensors(output):
            self._add_to(call, tensor)

    def _add_to(self, call: Call, tensor: torch.Tensor) -> None:
        """As something that ``call`` gave, unless it is known to be."""
        if all(tensor is not value.tensor for value in call.values):
            call.values.append(Value(call, tensor, len(call.values)))
            self._note(call.values[-1])

    def _note(self, value: Value) -> None:
        self._known[id(value.tensor)] = value
        self._kept.append(value)

    def _values_in(self, arguments: Any) -> tuple[Value, ...]:
        found = (self._known.get(id(tensor)) for tensor in tensors(arguments))
        return tuple(value for value in found if value is not None)


def tensors(of: Any) -> Iterator[torch.Tensor]:
    """Those in nested tuples, lists and dictionaries."""
    if isinstance(of, torch.Tensor):
        yield of
    elif isinstance(of, Mapping):
        for value in of.values():
            yield from tensors(value)
    elif isinstance(of, Sequence) and not isinstance(of, str | bytes):
        for value in of:
            yield from tensors(value)


def _function_name(func: Callable[..., Any]) -> str:
    """``shape`` for a read of an attribute of that name, too."""
    name = getattr(func, "__name__", type(func).__name__)
    return str(getattr(getattr(func, "__self__", None), "__name__", name) if name == "__get__" else name)
