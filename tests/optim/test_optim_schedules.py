import math

import pytest

from tinygrad_ae.errors import ModelError
from tinygrad_ae.optim.schedules import constant, cosine, step, warmup


def values(schedule, count):
    return [schedule(k) for k in range(count)]


def test_constant():
    assert values(constant(), 3) == [1, 1, 1]


def test_step_multiplies_every_so_often():
    assert values(step(2, 0.5), 6) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_cosine_falls_to_its_floor_and_stays():
    schedule = cosine(4, floor=0.2)
    expected = [0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * k / 4)) for k in range(5)]
    assert values(schedule, 7) == pytest.approx([*expected, 0.2, 0.2])
    assert schedule(0) == 1


def test_warmup_rises_then_hands_over():
    assert values(warmup(4), 6) == [0.25, 0.5, 0.75, 1, 1, 1]
    assert values(warmup(2, then=step(1, 0.5)), 5) == [0.5, 1, 1, 0.5, 0.25]
    assert values(warmup(0, then=step(1, 0.5)), 2) == [1, 0.5]


@pytest.mark.parametrize(
    "make", [lambda: step(0), lambda: step(3, -1), lambda: cosine(0), lambda: warmup(-1)]
)
def test_wrong_settings(make):
    with pytest.raises(ModelError, match="must be in"):
        make()
