"""What the values of a graph are called."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ae import Graph, Tensor, nn
from tinygrad_ae.show.derivation.naming import is_number, names


def called(*results):
    """Names of the operations' results, in order, and of the leaves."""
    graph = Graph.of(*results)
    book = names(graph)
    return (
        [book[n] for n in graph if n.op],
        [book[n] for n in graph if n.op is None],
    )


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 6), nn.Sigmoid())

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()


def test_an_autoencoder_is_named_as_in_a_textbook():
    results, leaves = called(Model().loss(Tensor(np.ones((3, 6), "f4"))))
    assert results == ["a₁", "h₁", "z", "a₃", "h₃", "a₄", "x̂", "v₁", "v₂", "L"]
    assert sorted(leaves) == sorted(["x", "W₁", "b₁", "W₂", "b₂", "W₃", "b₃", "W₄", "b₄"])


def test_given_names_come_first_and_equal_ones_are_told_apart():
    x, y = Tensor([1.0], True, name="W₁"), Tensor([2.0], True, name="W₁")
    results, leaves = called(x * y)
    assert results == ["y"]
    assert leaves == ["W₁", "W₁⁽²⁾"]


def test_a_given_name_is_never_taken_by_a_generated_one():
    x = Tensor(np.ones((2, 3)), True, name="v₁")
    results, _ = called((x + 1).sum())
    assert results == ["v₂", "L"]


def test_normalisation_scales_and_the_activation_after_it_is_still_h():
    model = nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 2))
    outer = nn.Sequential(model)
    results, leaves = called(outer(Tensor(np.ones((3, 6), "f4"))))
    assert {"a₁", "h₁"} < set(results)
    assert {"γ₁", "β₁", "W₁", "W₂"} < set(leaves)
    assert "W₃" not in leaves


def test_a_weight_used_transposed_belongs_to_the_product():
    W = nn.Parameter(np.ones((4, 6)))
    W.name = "weight"
    results, leaves = called((Tensor(np.ones((2, 6)), name="x") @ W.T).relu().sum())
    assert results == ["v₁", "a₁", "h₁", "L"]
    assert leaves.count("W₁") == 1


def test_several_results_of_an_encoder_are_not_the_code():
    class Two(nn.Module):
        def forward(self, x):
            return x + 1, x * 2

    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = Two()

        def forward(self, x):
            a, b = self.encoder(x)
            return (a * b).sum()

    results, _ = called(Holder()(Tensor([1.0], True)))
    assert "z" not in results


def test_numbers_are_called_by_their_value():
    graph = Graph.of(Tensor([1.0], True) * -0.5 + -0.5)
    book = names(graph)
    assert [book[n] for n in graph if is_number(n)] == ["−0.5", "−0.5"]


def test_a_named_scalar_is_not_a_number():
    beta = Tensor(0.5, name="β")
    assert not is_number(beta.node)
    assert "β" in called(Tensor([1.0], True) * beta)[1]


@given(st.lists(st.sampled_from(["x", "x⁽²⁾", "v₁", "L", "θ₁", None]), min_size=2, max_size=8))
def test_no_two_nodes_share_a_name(given_names):
    total = Tensor(np.ones(2), True)
    for name in given_names:
        total = total * Tensor(np.ones(2), True, name=name)
    book = names(Graph.of(total.sum()))
    assert len(set(book.values())) == len(book)
