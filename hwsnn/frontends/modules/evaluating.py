"""Modules in eval mode, and left as they were."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import copy

import torch
from torch import nn

from hwsnn.errors import InputError


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In eval mode and without gradients while it is open; what the module prints goes to stderr.

    Raises ``InputError`` if the module ends the program, which would look like success. Afterwards the attributes and
    buffers of its parts are as before: the mode, the sizes that a reset sets, states that a ``forward`` keeps there.
    """
    scripted = [(one, one.training) for one in module.modules() if isinstance(one, torch.jit.ScriptModule)]
    kept = [_Kept(one) for one in module.modules() if not isinstance(one, torch.jit.ScriptModule)]
    module.eval()
    try:
        with torch.no_grad(), redirect_stdout(sys.stderr):
            yield
    except SystemExit:
        raise InputError("its forward ends the program (SystemExit); leave that out") from None
    finally:
        for script, training in scripted:
            script.train(training)
        for one in kept:
            one.restore()


_OF_TORCH = set(vars(nn.Module())) - {"training"}
"""Parameters, buffers and parts, and what else torch keeps beside a module's own attributes."""


class _Kept:
    """The attributes and buffers of a module, and the numbers in them."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        own = {name: value for name, value in vars(module).items() if name not in _OF_TORCH}
        self._own = {name: copy(one) if type(one) in (list, dict, set, deque) else one for name, one in own.items()}
        self._buffers = dict(module._buffers)
        tensors = (one for one in (*own.values(), *self._buffers.values()) if isinstance(one, torch.Tensor))
        self._numbers = [(one, one.detach().clone()) for one in tensors if not one.is_meta]

    def restore(self) -> None:
        """Bring them back."""
        attributes, buffers = vars(self._module), self._module._buffers
        for name in [name for name in attributes if name not in _OF_TORCH and name not in self._own]:
            del attributes[name]
        attributes.update(self._own)
        for name in [name for name in buffers if name not in self._buffers]:
            del buffers[name]
        buffers.update(self._buffers)
        with torch.no_grad():
            for tensor, numbers in self._numbers:
                if tensor.shape != numbers.shape:
                    tensor.data = numbers
                elif not torch.equal(tensor, numbers):
                    tensor.copy_(numbers)
