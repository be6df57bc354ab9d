"""What the benchmark of speed times is what it says: the same step for every contender."""

import json

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed import lines, record
from benchmarks.speed.measure import Figure, measure
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


def test_what_was_measured_again_is_replaced_and_the_rest_stays(tmp_path):
    def figures(network: str, *times: float) -> list[Figure]:
        return [
            Figure(network, name, 1, us, us / 10, us / 20, us / 5, 1.0, 2.0, 12, 0)
            for name, us in zip(("floor", "numpy"), times, strict=True)
        ]

    file = tmp_path / "speed.json"
    for runs in ({"a": figures("tiny", 10, 30), "b": figures("small", 10, 20)},
                 {"a": figures("tiny", 10, 17)}):  # fmt: skip
        kept = {name: record.run(name, found) for name, found in runs.items()}
        record.write(file, {"machine": ["one"], "runs": kept})
    found = json.loads(file.read_text())["runs"]
    assert {name: run["figures"]["numpy"]["ratio"] for name, run in found.items()} == {
        "a": 1.7,
        "b": 2.0,
    }
    assert found["a"]["noisy"] == ["floor", "numpy"]
    assert found["a"]["figures"]["numpy"]["spread"] == 0.75
    assert "| a | 10.0 | 1.70? |" in file.with_suffix(".md").read_text()


def test_a_step_is_taken_apart(monkeypatch):
    def once(task):
        task()
        return 1.0

    monkeypatch.setattr(lines, "_best", once)
    found = lines.apart("tiny", "numpy")
    calls = {what: count for what, count, _ in found}
    assert calls["products, by dot"] == 11  # of four layers, of which the first hands nothing on
    assert calls["sums of bias gradients, as products"] == calls["handing out gradients"] / 2 == 4
    assert sum(us for *_, us in found[:-2]) == found[-2][2] == 1.0
