"""What the benchmark of speed times is what it says: the same step for every contender."""

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed.measure import measure
from benchmarks.speed.networks import Network, ours

SMALL = [
    Network("dense", "dense", (12, 8, 3, 8, 12), 4),
    Network("vae", "vae", (12, 8, 3, 8, 12), 4),
    Network("conv", "conv", (1, 2, 3), 2),
]


@pytest.mark.parametrize("network", SMALL, ids=str)
def test_the_compiled_step_learns_what_the_eager_one_learns(network):
    losses = []
    for engine in (None, "numpy"):
        step = ours(network, engine)
        losses.append([step().item() for _ in range(3)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[0][2] != losses[0][0]


def test_the_floor_counts_every_product_of_a_step():
    dense, vae, conv = (network.products() for network in SMALL)
    assert dense == [(4, 12, 8), (4, 8, 3), (4, 3, 8), (4, 8, 12)]
    assert len(vae) == 5
    assert conv == [(392, 9, 2), (98, 18, 3), (98, 3, 18), (392, 2, 9)]


def test_figures_stand_beside_the_floor_and_who_has_no_step_is_said():
    figures, remarks = measure(SMALL[2], ["numpy", "autograd"], threads=1, rounds=3)
    assert [figure.contender for figure in figures] == ["floor", "numpy"]
    assert (figures[0].low, figures[0].ratio, figures[0].high) == (1, 1, 1)
    assert remarks == ["conv, autograd: autograd: written for dense networks only"]


def test_an_unknown_peer_is_said(capsys):
    with pytest.raises(SystemExit):
        command.main(["--peers", "theano"])
    assert "there is no theano" in capsys.readouterr().err
