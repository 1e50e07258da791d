"""Fine-tuning of a user's own module: it goes on training with weights as the quantizer will round them.

Every weight of a Conv1d, Conv2d or Linear is rounded in each forward pass, to the grid of its output channel, while the
floats behind it learn (``hwsnn.train.quantized``). Nothing else changes: the module's own forward makes the steps, its
own surrogate gradients lead back, and its batch norms, whose factor of a channel only stretches the channel's grid,
stay what they are.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader, Subset, TensorDataset

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatPopulation
from hwsnn.frontends.modules.build import ReadModule
from hwsnn.frontends.modules.calling import called, first, number_type, reset
from hwsnn.frontends.modules.evaluating import evaluating
from hwsnn.frontends.modules.frameworks import framework_of
from hwsnn.frontends.modules.listening import scores_of
from hwsnn.frontends.modules.read import read_module
from hwsnn.model_file.notes import Forward
from hwsnn.spec import MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, SPIKE_READOUTS, EncoderKind
from hwsnn.spec.checks import require_integer

from ..progress import Stages, stages
from .quantized import Rounded

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)
HELD_OUT, MOST_HELD_OUT = 10, 2000
"""One in so many images is held out to validate, but not more than so many."""
BATCH = 64

Data: TypeAlias = "DataLoader[Any] | tuple[Any, Any]"
"""Batches of (inputs, classes), or all inputs and all classes as arrays."""


def finetune(
    module: nn.Module,
    data: Data,
    *,
    bits: int = 4,
    timesteps: int | None = None,
    encoding: EncoderKind | None = None,
    forward: Forward | None = None,
    epochs: int = 3,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> nn.Module:
    """Train ``module``, in place, for weights of ``bits`` bits; it is returned in eval mode, with such weights.

    ``data``: training inputs as the module takes them, (N, *sample), or (N, T, *sample) under the encoding ``steps``,
    and their classes (N,), as a pair of arrays or a ``DataLoader`` of a dataset with a length. A tenth of them, at most
    2,000, is held out; after the epoch with the most of these right the module is kept. ``timesteps``, ``encoding`` and
    ``forward``: as in ``hwsnn.from_torch``. A network of ReLUs is trained as it is, without time, to be converted
    later. The loss is the cross entropy of the scores.

    Ctrl-C ends the training early: the best module so far is returned. After any error the module is as it was. Raises
    ``InputError`` for what cannot be trained so, ``ValueError`` for arguments out of range.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    require_integer("bits", bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
    require_integer("epochs", epochs, 1, 10_000)
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be positive and finite, not {learning_rate!r}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        trained, held_out = _split(data, seed)
        call = _caller(module, trained, timesteps=timesteps, encoding=encoding, forward=forward)
        before, mode = _State(module), module.training
        try:
            with _rounding(module, call, bits):
                _train(module, call, trained, held_out, epochs=epochs, learning_rate=learning_rate)
        except BaseException:
            before.restore()
            module.train(mode)
            raise
        finally:
            reset(module, 1)
    return module


def _split(data: Data, seed: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Batches to train by and batches held out."""
    if isinstance(data, DataLoader):
        dataset, settings = data.dataset, {"batch_size": data.batch_size or BATCH, "collate_fn": data.collate_fn}
    else:
        dataset, settings = TensorDataset(*_tensors(data)), {"batch_size": BATCH}
    try:
        count = len(dataset)  # type: ignore[arg-type]
    except TypeError:
        raise InputError("data must be of a dataset with a length, no stream: a part of it is held out") from None
    kept = min(max(count // HELD_OUT, 1), MOST_HELD_OUT)
    if count < 2:
        raise InputError(f"data must have at least 2 images, one to train by and one held out, not {count}")
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(count, generator=chance).tolist()
    held_out = DataLoader(Subset(dataset, order[:kept]), **settings)
    return DataLoader(Subset(dataset, order[kept:]), shuffle=True, generator=chance, **settings), held_out


def _tensors(data: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"data must be (inputs, classes) or a DataLoader, not {type(data).__name__}")
    inputs, classes = map(torch.as_tensor, data)
    if not inputs.is_floating_point() or inputs.ndim < 2:
        raise ValueError(
            f"inputs must be floats (N, ...) as the module takes them, such as pixels / 255, not {inputs.dtype} of "
            f"shape {tuple(inputs.shape)}"
        )
    if classes.is_floating_point() or classes.shape != inputs.shape[:1]:
        raise ValueError(
            f"classes must be {len(inputs)} integers, one for each input, not {classes.dtype} of shape "
            f"{tuple(classes.shape)}"
        )
    return inputs, classes.long()


@dataclass(frozen=True, eq=False)
class _Caller:
    """How the scores of a module come about. ``read``: None for one without spiking neurons, and time."""

    module: nn.Module
    read: ReadModule | None
    timed: bool
    timesteps: int
    weighted: tuple[nn.Module, ...]

    @property
    def has_last_scale(self) -> bool:
        """Whether the channels of the last weights share one scale, as membranes are compared."""
        if self.read is None:
            return True
        last, own = self.read.network.layers[-1], self.weighted[-1].weight
        if not isinstance(last, FloatPopulation):
            return False
        compared = not last.neuron.fires or self.read.network.readout not in (None, *SPIKE_READOUTS)
        return compared and any(one.weight.size == own.numel() for one in last.projections)

    def scores(self, inputs: Tensor) -> Tensor:
        """(N, classes) of a batch."""
        dtype, device = number_type(self.module)
        inputs = inputs.to(dtype=dtype, device=device)
        if self.read is None:
            return first(self.module(inputs)).flatten(1)
        inputs = inputs.transpose(0, 1) if self.timed else inputs.expand(self.timesteps, *inputs.shape)
        frames = inputs.shape[1]
        outputs = called(self.module, self.read.layout, inputs)
        return scores_of(self.read, outputs, self.timesteps, frames)


def _caller(
    module: nn.Module,
    batches: DataLoader[Any],
    *,
    timesteps: int | None,
    encoding: EncoderKind | None,
    forward: Forward | None,
) -> _Caller:
    """Reads the module, and tries the first batch."""
    inputs, classes = _pair(next(iter(batches)))
    timed = encoding == "steps"
    weighted: list[nn.Module] = []
    hooks = [
        one.register_forward_pre_hook(lambda one, _: weighted.append(one))
        for one in module.modules()
        if isinstance(one, WEIGHTED)
    ]
    try:
        if any(framework_of(one) for one in module.modules()):
            if timed and timesteps not in (None, inputs.shape[1]):
                raise InputError(f"data has {inputs.shape[1]} steps, and timesteps is {timesteps}")
            sample = tuple(inputs.shape[2 if timed else 1 :])
            steps = inputs.shape[1] if timed else timesteps
            read = read_module(module, sample, timesteps=steps, encoding=encoding, forward=forward)
            told = read.network.timesteps
            if told is None:
                raise InputError("its time steps are not known; give timesteps, as in training")
            call = _Caller(module, read, timed, told, ())
        elif (timesteps, encoding, forward) != (None, None, None):
            raise InputError("has no spiking neurons, so it has no timesteps, encoding or forward; leave them out")
        else:
            call = _Caller(module, None, False, 1, ())
        weighted.clear()
        with evaluating(module):
            scores = call.scores(inputs[:2])
    except InputError:
        raise
    except Exception as error:  # a user's own code may raise anything
        raise InputError(f"its forward fails on data of {tuple(inputs.shape)}: {reason(error)}") from error
    finally:
        for hook in hooks:
            hook.remove()
    if not weighted:
        raise InputError("has no weights of a Conv1d, Conv2d or Linear that its forward uses, so none to round")
    largest = int(classes.max())
    if int(classes.min()) < 0 or largest >= scores.shape[1]:
        raise InputError(f"classes must be from 0 to {scores.shape[1] - 1}, its scores, not {largest}")
    # In the order of their last calls: the last makes the scores.
    order = tuple(dict.fromkeys(reversed(weighted)))[::-1]
    return _Caller(module, call.read, timed, call.timesteps, order)


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    fits = isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(one, Tensor) for one in batch)
    if not fits or batch[1].is_floating_point() or batch[1].ndim != 1 or len(batch[0]) != len(batch[1]):
        raise InputError("data must give batches of (inputs, classes): a tensor (N, ...) and N integers")
    if not batch[0].is_floating_point():
        raise InputError(f"data must give inputs in floats, as the module takes them, not {batch[0].dtype}")
    return batch[0], batch[1].long()


@contextlib.contextmanager
def _rounding(module: nn.Module, call: _Caller, bits: int) -> Iterator[None]:
    """While it is open, weights are rounded; afterwards the rounded ones are the weights."""
    for one in call.weighted:
        if parametrize.is_parametrized(one, "weight"):
            title = next(name for name, other in module.named_modules() if other is one)
            raise InputError(f"{title}: its weight is parametrized already; remove_parametrizations first")
    try:
        for one in call.weighted:
            values = np.asarray(one.weight.detach().cpu().numpy(), np.float64)
            by_channel = one is not call.weighted[-1] or not call.has_last_scale
            rounded = Rounded(values, bits, by_channel).to(one.weight.device)
            parametrize.register_parametrization(one, "weight", rounded)
        yield
        module.eval()
    finally:
        for one in call.weighted:
            if parametrize.is_parametrized(one, "weight"):
                original = one.parametrizations.weight.original
                exact = one.parametrizations.weight[0].rounded(original.detach())
                parametrize.remove_parametrizations(one, "weight", leave_parametrized=False)
                one.weight.data.copy_(exact)
                if "bias" in one._parameters:  # in their order again
                    one._parameters["bias"] = one._parameters.pop("bias")


class _State:
    """The numbers of a module, but for the memory of its neurons."""

    def __init__(self, module: nn.Module) -> None:
        tensors = [*module.parameters()]
        for one in module.modules():
            if framework_of(one) is None:
                tensors += one.buffers(recurse=False)
        self._kept = [(tensor, tensor.detach().clone()) for tensor in tensors]

    def restore(self) -> None:
        """Put them back."""
        with torch.no_grad():
            for tensor, kept in self._kept:
                tensor.copy_(kept)


def _train(
    module: nn.Module,
    call: _Caller,
    trained: DataLoader[Any],
    held_out: DataLoader[Any],
    *,
    epochs: int,
    learning_rate: float,
) -> None:
    """Leaves the module as it was after its best epoch; the rounded module at the start counts as one."""
    optimizer = torch.optim.Adam([one for one in module.parameters() if one.requires_grad], learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(trained))
    with stages() as show:
        best, right = _State(module), _accuracy(module, call, held_out)
        show.at("fine-tuning", 0, epochs * len(trained), "batches")
        show.say(f"rounded: {right:.2%} of the images held out right")
        try:
            for epoch in range(1, epochs + 1):
                loss = _epoch(module, call, trained, optimizer, schedule, show)
                found = _accuracy(module, call, held_out)
                show.say(f"epoch {epoch}: loss {loss:.4f}, {found:.2%} of the images held out right")
                if found >= right:
                    best, right = _State(module), found
        except KeyboardInterrupt:
            show.say(f"stopped: the best so far is kept, {right:.2%} of the images held out right")
        best.restore()


def _epoch(
    module: nn.Module, call: _Caller, trained: DataLoader[Any], optimizer: Any, schedule: Any, show: Stages
) -> float:
    """One pass over the images; the mean loss."""
    module.train()
    total = 0.0
    for batch in trained:
        inputs, classes = _pair(batch)
        if len(inputs) == 1:  # a batch norm cannot take one
            continue
        scores = call.scores(inputs)
        loss = functional.cross_entropy(scores, classes.to(scores.device))
        if not math.isfinite(loss.item()):
            raise InputError("training diverged: the loss is not finite any more; use a smaller learning_rate")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
        show.advance(1)
    return total / len(trained)


def _accuracy(module: nn.Module, call: _Caller, batches: DataLoader[Any]) -> float:
    """The share of the images whose class has the largest score."""
    right = count = 0
    with evaluating(module):
        for batch in batches:
            inputs, classes = _pair(batch)
            right += int((call.scores(inputs).argmax(1).cpu() == classes).sum())
            count += len(classes)
    return right / count
