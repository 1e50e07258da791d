"""What a module does with a frame, by running it: its modules and functions in their order, and what each takes.

The module is run, and not only read, so that loops over time and decisions by shapes are no obstacle. A decision by
values is one: hardware takes no other way for another image.
"""

from __future__ import annotations

import inspect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from hwsnn.errors import InputError

from .frameworks import framework_of

DECIDING = {"__bool__", "__float__", "__int__", "__index__", "item", "tolist", "numpy", "equal", "allclose"}
DECIDING |= {"__array__", "__contains__", "is_nonzero"}
"""Functions by which values leave the tensors."""
SIZED_BY_VALUES = {"nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount"}
"""Functions that give as many values as others say."""
BY_SHAPE = {f"{name}_like" for name in ("zeros", "ones", "full", "empty", "rand", "randn")}
BY_SHAPE |= {f"new_{name}" for name in ("zeros", "ones", "full", "empty", "tensor")}
"""Functions that take a tensor for its shape and type alone."""
BY_TYPE = {"to", "type_as"}
"""Functions that take further tensors for their type alone."""
SPLITTING = {"split", "chunk"}
"""Functions that give several parts of a tensor."""


@dataclass(eq=False, repr=False)
class Value:
    """A tensor that depends on the input. ``call``: what made it, None for the input itself.

    ``position``: among the tensors that the call gave; ``membrane``: whether it is the membrane of neurons.
    ``version``: how often the tensor had been written by then.
    """

    call: Call | None
    tensor: torch.Tensor
    position: int = 0
    membrane: bool = False
    version: int = field(init=False)

    def __post_init__(self) -> None:
        self.version = _version(self.tensor)

    @property
    def changed(self) -> bool:
        """Whether the tensor has been written since."""
        return self.version != _version(self.tensor)


@dataclass(eq=False, repr=False)
class Call:
    """A call of a module that is not looked into, or of a function (``module`` is None).

    ``inputs``: the tensors among the arguments that depend on the input. ``number``: of calls before it;
    ``occurrence``: of those of its module. ``of_module``: those of the module that depend on the input, this one
    included. ``handed``: whether there are other tensors behind the first argument; ``fresh``: whether they are zeros.
    ``overwritten``: what a first argument that does not depend on the input was, before a function wrote into it.
    """

    name: str
    module: nn.Module | None
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Value, ...]
    number: int = 0
    occurrence: int = 0
    values: list[Value] = field(default_factory=list)
    handed: bool = False
    fresh: bool = True
    of_module: Sequence[Call] = ()
    overwritten: torch.Tensor | None = None

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
        self._modules = set(network.modules())
        self._is_whole = is_whole
        self._membrane = membrane
        self._known: dict[int, Value] = {}
        self._kept: list[Value] = []  # a tensor's identity is its own only while it lives
        self._counts: Counter[nn.Module] = Counter()
        self._calls: defaultdict[nn.Module, list[Call]] = defaultdict(list)
        self._memories: dict[nn.Module, Value] = {}
        self._unfollowed: dict[nn.Module, int] = {}  # the last call that got nothing that follows from the input
        self._beside: dict[int, tuple[Call, str, torch.Tensor]] = {}
        self._given: list[tuple[Any, list[int]]] = []
        self._number = 0
        self._inside = 0

    def input(self, tensor: torch.Tensor) -> torch.Tensor:
        """``tensor`` as an input of the network."""
        self._note(Value(None, tensor))
        return tensor

    def value(self, output: Any) -> Value | None:
        """What was recorded of ``output``, or of its first element; None if it does not depend on the input."""
        while isinstance(output, tuple | list) and output:
            output = output[0]
        for module in self._unfollowed:
            if module in self._calls:  # in its last calls alone
                raise self._calls[module][0].error(self._without_input(module))
        found = self._known.get(id(output))
        if found is None and id(output) in self._beside:
            call, key, _ = self._beside[id(output)]
            raise call.error(
                f"its {key} makes the scores, which is not read; return what it gives, or the currents that it takes"
            )
        return found

    def _note_beside(self, call: Call) -> None:
        """What the module of ``call`` keeps beside what it gives, to name it where it makes the scores."""
        assert call.module is not None
        for key, kept in vars(call.module).items():
            if isinstance(kept, torch.Tensor) and id(kept) not in self._known:
                self._beside[id(kept)] = call, key, kept

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        name = _function_name(func)
        inputs = self._values_in(args[:1] if name in BY_TYPE else (args, kwargs))
        if inputs and (name in DECIDING | SIZED_BY_VALUES or _picks_by_values(name, args, inputs)):
            raise InputError(
                f"its forward decides by the values of a tensor ({name}), and hardware does the same for every image; "
                "leave the decision out"
            )
        target = args[0] if inputs and args and isinstance(args[0], torch.Tensor) else None
        before = target.clone() if target is not None and writes(name) and id(target) not in self._known else None
        result = func(*args, **kwargs)
        if inputs and name not in BY_SHAPE:
            if name in SPLITTING:
                self._add_parts(args, kwargs, inputs, result)
                return result
            if name in ("__getitem__", "select"):
                args = tuple(self._plain(one) for one in args)
            call = Call(name, None, func, args, kwargs, inputs, overwritten=before)
            self._add(call, args[0] if name == "__setitem__" else result)
        return result

    def _add_parts(self, args: Any, kwargs: Mapping[str, Any], inputs: tuple[Value, ...], parts: Any) -> None:
        """The parts of a tensor, as slices of it."""
        source = inputs[0].tensor
        dim: int = kwargs.get("dim", args[2] if len(args) > 2 else 0) % source.ndim
        start = 0
        for part in parts:
            index = (*(slice(None),) * dim, slice(start, start := start + part.shape[dim]))
            self._add(Call("__getitem__", None, torch.Tensor.__getitem__, (source, index), {}, inputs), part)

    def _plain(self, index: Any) -> Any:
        """An index with numbers of NumPy's, and tensors that are one, as Python's numbers, as torch takes them."""
        if isinstance(index, slice):
            return slice(*map(self._plain, (index.start, index.stop, index.step)))
        if isinstance(index, tuple):
            return tuple(map(self._plain, index))
        number = isinstance(index, np.integer)
        if isinstance(index, torch.Tensor) and id(index) not in self._known:
            number = index.ndim == 0 and index.dtype in (torch.int64, torch.int32, torch.int16, torch.int8)
        return int(index) if number else index

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """While it is open, calls of whole modules are recorded as such."""
        hooks: list[RemovableHandle] = [register_module_forward_pre_hook(self._require_registered)]
        for name, module in self._network.named_modules():
            if self._is_whole(module):
                hooks.append(module.register_forward_pre_hook(self._enterer(name or "the module")))
                hooks.append(module.register_forward_hook(self._give, prepend=True))
                hooks.append(module.register_forward_hook(self._leaver(name or "the module"), with_kwargs=True))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _require_registered(self, module: nn.Module, args: Any) -> None:
        if not self._inside and framework_of(module) is not None and module not in self._modules:
            raise InputError(
                f"its forward calls neurons ({type(module).__name__}) that are not among its modules, as those of a "
                "plain list are not; keep them in an nn.ModuleList"
            )

    def _enterer(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, args: Any) -> None:
            self._inside += 1
            if self._inside > 1:
                return
            found, own = self._membrane(module, None), self._memories.get(module)
            if own is None and found is not None and bool((found != 0).any()):
                raise self._strange(
                    name,
                    module,
                    "begins with a membrane that its forward sets; let it begin as its framework's reset leaves it",
                )
            if own is not None and (own.tensor is not found or own.changed):
                raise self._strange(
                    name,
                    module,
                    "its membrane is set or reset between two of its steps; only what its own step makes of it is "
                    "built",
                )

        return enter

    def _strange(self, name: str, module: nn.Module, text: str) -> InputError:
        """The exception for a membrane that is not as its call before left it: ``text``, or what that call got."""
        if module in self._unfollowed:
            text = self._without_input(module)
        return Call(name, module, module.forward, (), {}, ()).error(text)

    def _without_input(self, module: nn.Module) -> str:
        return (
            f"its call {self._unfollowed[module] + 1} gets what does not follow from the input, such as zeros; all "
            "steps must get the same: an input in some steps only, and delays between layers, are not built"
        )

    def _give(self, module: nn.Module, args: Any, output: Any) -> None:
        """Keeps what a module itself gives, before hooks of the user's."""
        self._given.append((output, [_version(tensor) for tensor in tensors(output)]))

    def _leaver(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._inside -= 1
            given, versions = self._given.pop()
            if self._inside:
                return
            if output is not given or versions != [_version(tensor) for tensor in tensors(output)]:
                raise Call(name, module, module.forward, args, kwargs, ()).error(
                    "a forward hook changes what it gives; do that in forward, or remove the hook"
                )
            occurrence, self._counts[module] = self._counts[module], self._counts[module] + 1
            args, kwargs = _in_places(module, args, kwargs)
            inputs = self._values_in((args, kwargs))
            if not inputs:
                self._unfollowed[module] = occurrence
                return
            call = Call(name, module, module.forward, args, kwargs, inputs, occurrence=occurrence)
            others = [one for one in tensors((args[1:], kwargs)) if id(one) not in self._known]
            call.handed, call.fresh = bool(others), not any(bool((one != 0).any()) for one in others)
            call.of_module = self._calls[module]
            self._calls[module].append(call)
            self._unfollowed.pop(module, None)
            self._add(call, output)
            membrane = self._membrane(module, output)
            if membrane is not None:
                self._add_to(call, membrane)
                found = next(value for value in call.values if value.tensor is membrane)
                found.membrane = True
                if self._membrane(module, None) is not None:
                    self._memories[module] = found
            self._note_beside(call)

        return leave

    def _add(self, call: Call, output: Any) -> None:
        call.number, self._number = self._number, self._number + 1
        for tensor in tensors(output):
            self._add_to(call, tensor)

    def _add_to(self, call: Call, tensor: torch.Tensor) -> None:
        """As something that ``call`` gave, unless it is known to be."""
        if any(tensor is value.tensor for value in call.values):
            return
        call.values.append(Value(call, tensor, len(call.values)))
        if not any(tensor is one.tensor and not one.changed for one in call.inputs):  # a flatten of what is flat
            self._note(call.values[-1])

    def _note(self, value: Value) -> None:
        self._known[id(value.tensor)] = value
        self._kept.append(value)

    def _values_in(self, arguments: Any) -> tuple[Value, ...]:
        found = tuple(value for tensor in tensors(arguments) if (value := self._known.get(id(tensor))))
        for value in found:
            if value.changed:
                what = "its input" if value.call is None else f"what {value.call.title} gives"
                raise InputError(f"its forward writes into {what} through a view; make a new tensor of it")
        return found


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


def _in_places(module: nn.Module, args: Any, kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments of a call in the places that the module's forward has for them, however they are given."""
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):  # of a forward that takes anything
        return args, kwargs
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _picks_by_values(name: str, args: Sequence[Any], inputs: Sequence[Value]) -> bool:
    """Whether a call picks as many values as a tensor of truths says, which follows from the input."""
    if name == "__getitem__":
        own = {id(value.tensor) for value in inputs}
        return any(one.dtype == torch.bool and id(one) in own for one in tensors(args[1:]))
    return name == "where" and len(args) == 1


def writes(name: str) -> bool:
    """Whether a function of this name writes into its first argument."""
    return name == "__setitem__" or name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))


def _version(tensor: torch.Tensor) -> int:
    """How often ``tensor`` was written in place, by itself or by views; not counted in inference mode."""
    return 0 if tensor.is_inference() else tensor._version


def _function_name(func: Callable[..., Any]) -> str:
    """``shape`` for a read of an attribute of that name, too."""
    name = getattr(func, "__name__", type(func).__name__)
    return str(getattr(getattr(func, "__self__", None), "__name__", name) if name == "__get__" else name)
