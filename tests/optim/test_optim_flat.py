"""The flat buffers of an optimiser: pieces, spans, numbers too small to matter."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, nn, optim
from tinygrad_ae.optim import flat, optimizer


def parameters():
    rng = np.random.default_rng(0)
    return [nn.Parameter(rng.normal(size=shape)) for shape in ((3, 4), (5,), (2, 2))]


def train(ps, steps=3, skip=()):
    opt = optim.Adam(ps, weight_decay=0.1)
    rng = np.random.default_rng(1)
    for step in range(steps):
        for k, p in enumerate(ps):
            g = Tensor(rng.normal(size=p.shape))
            p.grad = None if (step, k) in skip else g
        opt.step()
    return [p.data.copy() for p in ps], opt


@pytest.mark.parametrize("chunk", [1, 4, 7, 21])
def test_pieces_of_any_size_give_the_same_update(monkeypatch, chunk):
    whole, _ = train(parameters())
    monkeypatch.setattr(flat, "CHUNK", chunk)
    parts, _ = train(parameters())
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_parameters_without_a_gradient_fall_behind_and_keep_their_own_count():
    skipped, opt = train(parameters(), skip={(0, 1), (1, 1)})
    alone, _ = train(parameters(), steps=1)
    assert opt.state_dict()["float64.steps"].tolist() == [3, 1, 3]
    fresh = parameters()
    fresh_opt = optim.Adam(fresh, weight_decay=0.1)
    rng = np.random.default_rng(1)
    draws = [[rng.normal(size=p.shape) for p in fresh] for _ in range(3)]
    fresh[1].grad = Tensor(draws[2][1])
    fresh_opt.step()  # its first update is its first, however many the others have had
    np.testing.assert_array_equal(skipped[1], fresh[1].data)
    assert (skipped[0] != alone[0]).any()


def test_a_gradient_written_in_its_place_is_not_copied():
    p = nn.Parameter(np.ones(3))
    opt = optim.SGD([p], lr=1.0)
    ((owner, memory),) = opt.gradient_memory()
    assert owner is p
    memory[...] = [1, 2, 3]
    p.grad = Tensor(0.0)
    p.grad.data = memory
    opt.step()
    np.testing.assert_array_equal(p.data, [0, -1, -2])
    np.testing.assert_array_equal(p.grad.data, [1, 2, 3])


def test_denormal_numbers_leave_the_state_now_and_then(monkeypatch):
    monkeypatch.setattr(optimizer, "FLUSH_EVERY", 4)
    p = nn.Parameter(np.ones(2, np.float32))
    opt = optim.Adam([p])
    for step in range(4):
        slots = opt.state_dict()
        if step == 3:
            assert (slots["float32.exp_sum_sq"] > 0).all()
        p.grad = Tensor(np.array([1e-20, 1.0], np.float32))
        opt.step()
    after = opt.state_dict()["float32.exp_sum_sq"]
    assert after[0] == 0
    assert after[1] > 1
