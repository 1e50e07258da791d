"""The compiled loops of training against PyTorch's own operations."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train import vector  # noqa: E402  # they need PyTorch
from hwsnn.train.fire import fire  # noqa: E402
from hwsnn.train.layers import Layer, Neurons, Pool  # noqa: E402


def halves(*shape: int, last: bool = True) -> Any:
    """Random numbers of bfloat16, channels last or not."""
    form = torch.channels_last if last else torch.contiguous_format
    return torch.randn(shape).bfloat16().contiguous(memory_format=form).requires_grad_()


def norm_of(channels: int) -> Any:
    norm = torch.nn.BatchNorm2d(channels)
    torch.nn.init.uniform_(norm.weight, -1, 2)
    torch.nn.init.uniform_(norm.bias, 0, 1)
    return norm


@pytest.mark.parametrize(("steps", "timesteps"), [(1, 1), (1, 3), (3, 3)])
@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_normed_spikes(steps: int, timesteps: int, beta: float) -> None:
    """Spikes, all gradients and the running statistics, in singles of the same numbers."""
    torch.manual_seed(0)
    x = halves(steps * 4, 5, 6, 7)
    exact = x.detach().float().requires_grad_()
    norm, other = norm_of(5), torch.nn.BatchNorm2d(5)
    other.load_state_dict(norm.state_dict())
    found = vector.normed_spikes(x, norm, steps, timesteps, beta)
    wanted = fire(other(exact).unflatten(0, (steps, 4)), timesteps, beta).flatten(0, 1)
    assert 0.05 < float(wanted.detach().mean()) < 0.95
    assert float((found.detach().float() != wanted.detach()).float().mean()) < 0.001  # at the threshold
    for name in ("running_mean", "running_var"):
        assert torch.allclose(getattr(norm, name), getattr(other, name), rtol=1e-5)
    gradient = torch.randn_like(wanted).bfloat16()
    found.backward(gradient)
    wanted.backward(gradient.float())
    assert float((x.grad.float() - exact.grad).norm() / exact.grad.norm()) < 0.02  # of bfloat16
    assert torch.allclose(norm.weight.grad, other.weight.grad, rtol=0.02, atol=0.05)
    assert torch.allclose(norm.bias.grad, other.bias.grad, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("extent", [6, 7])
def test_any_spike(extent: int) -> None:
    """Values and gradients are those of a max-pool, to the last bit."""
    torch.manual_seed(1)
    spikes = (torch.rand(3, 5, extent, 6) < 0.3).bfloat16().contiguous(memory_format=torch.channels_last)
    spikes.requires_grad_()
    found, wanted = vector.any_spike(spikes), torch.nn.functional.max_pool2d(spikes, 2)
    assert torch.equal(found, wanted)
    gradient = torch.randn_like(wanted)
    (of_found,), (of_wanted,) = (torch.autograd.grad(y, spikes, gradient) for y in (found, wanted))
    assert torch.equal(of_found, of_wanted)


def noted(function: Any, calls: list[str]) -> Any:
    """``function``, which notes its name in ``calls``."""

    def called(*arguments: Any) -> Any:
        calls.append(function.__name__)
        return function(*arguments)

    return called


def test_layers_take_the_loops_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision with channels last in training, and nothing else."""
    calls: list[str] = []
    for name in ("normed_spikes", "any_spike"):
        monkeypatch.setattr(vector, name, noted(getattr(vector, name), calls))
    weights = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    layer, pool = Layer("conv1", weights, norm_of(4), Neurons(2, 0.5)), Pool("pool1", 2, "or")

    def taken(images: Any, half: bool = True) -> list[str]:
        calls.clear()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = pool(layer(images.unsqueeze(0)))
        assert out.shape == (2, 5, 4, 3, 3)
        return list(calls)

    images = torch.rand(5, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert taken(images) == ["normed_spikes", "any_spike"]
    assert taken(images, half=False) == []
    layer.eval(), pool.eval()
    assert taken(images) == []
    layer.train(), pool.train()
    layer.neurons = Neurons(2, 0.5, "zero")
    assert taken(images)[:1] != ["normed_spikes"]
