"""Distillation: what is learned, and from what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.train.convert import rate_network  # noqa: E402  # they need PyTorch
from hwsnn.train.distill import Taught, taught  # noqa: E402
from hwsnn.train.loop import Images, Plan, accuracy, same_every_time, train  # noqa: E402
from hwsnn.train.network import spiking  # noqa: E402

STUDENT, TEACHER = "6x6-3c3-3", "6x6-4c3-2s-3"


def networks() -> Taught:
    torch.manual_seed(0)
    return Taught(spiking(STUDENT, timesteps=2, beta=0.5), rate_network(TEACHER))


def test_the_loss_by_hand() -> None:
    """Of two classes: the student is undecided, the teacher at temperature 2 sure at odds of e to 1."""
    own, wanted = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    sure = torch.tensor(1.0).sigmoid()
    parts = [part * (part / 0.5).log() for part in (sure, 1 - sure)]
    expected = 0.5 * 4 * sum(parts) + 0.5 * torch.tensor(2.0).log()
    found = taught(torch.cat([own, wanted], 1), torch.tensor([1]))
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_no_loss_but_the_labels_where_both_agree() -> None:
    scores = torch.tensor([[3.0, -1.0, 0.5], [0.0, 2.0, 1.0]])
    classes = torch.tensor([0, 2])
    labels = torch.nn.functional.cross_entropy(scores, classes)
    assert taught(torch.cat([scores, scores], 1), classes).item() == pytest.approx(0.5 * labels.item(), rel=1e-6)


def test_scores_are_those_of_the_student() -> None:
    both, images = networks(), torch.rand(5, 1, 6, 6)
    assert torch.equal(both.eval()(images), both.student(images))
    found = both.train()(images)
    assert found.shape == (5, 6)
    assert torch.equal(found[:, 3:], both.teacher(images))
    assert not both.teacher.training
    assert {id(one) for one in both.parameters()} == {id(one) for one in both.student.parameters()}


def test_it_learns_what_the_teacher_knows(tmp_path: Path) -> None:
    """The teacher names the brightest third of rows, labels say nothing: the student follows the teacher."""

    class Brightest(torch.nn.Module):  # type: ignore[misc]
        def forward(self, images: Any) -> Any:
            return 20 * images.unflatten(2, (3, 2)).mean((1, 3, 4))

    same_every_time(0)
    images, noise = torch.rand(600, 1, 6, 6), torch.randint(0, 3, (600,))
    images += torch.nn.functional.one_hot(torch.arange(600) % 3, 3).repeat_interleave(2, 1)[:, None, :, None] * 0.3
    images /= images.max()
    brightest = Images(images[500:], Brightest()(images[500:]).argmax(1))
    both = Taught(spiking(STUDENT, timesteps=2, beta=0.5), Brightest())
    before = accuracy(both, brightest)
    plan = Plan(epochs=12, batch=20, learning_rate=0.01, half_precision=False)
    train(both, Images(images[:500], noise[:500]), plan, tmp_path / "both.pt", loss=taught)
    assert before < 0.7
    assert accuracy(both, brightest) > 0.85
