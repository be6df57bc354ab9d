"""Derivations: every line of every model is computed and compared with backpropagation."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tinygrad_ae import Graph, Op, Tensor, grad, nn, ops
from tinygrad_ae.core.graph import clock
from tinygrad_ae.errors import GradientError, UserError
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.nn import functional
from tinygrad_ae.show.derivation.explain import _distance, explain

RNG = np.random.default_rng(0)
ALIVE = []


def array(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def double(module):
    """Return the module with float64 parameters, for comparisons that leave no doubt."""
    ALIVE.append(module)  # a graph keeps no parameter it does not need
    for parameter in module.parameters():
        parameter.data = parameter.data.astype(float)
        parameter._node = None
        parameter.requires_grad_()
    return module


def mlp(*, loss=functional.mse_loss):
    model = double(nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 5)))
    x = Tensor(array(3, 5), name="x")
    return loss(model(x), x)


def product_and_sum():
    a, b = Tensor(2.0, True, name="a"), Tensor(3.0, True, name="b")
    return a * b + b


def autoencoder():
    return double(Autoencoder(9, (6,), 2)).loss(Tensor(array(4, 9)))


def fan_out_and_tied_weights():
    W = Tensor(array(4, 6) - 0.5, True, name="W")
    x = Tensor(array(3, 6), name="x")
    h = (x @ W.T).tanh()
    return ((h @ W - x) ** 2).mean() + 0.1 * (h * h).sum() + h.sigmoid().mean()


def layer_norm():
    norm = double(nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 6)))
    x = Tensor(array(3, 6), name="x")
    return functional.mse_loss(norm(x), x)


def variational():
    encoder, decoder = double(nn.Linear(7, 6)), double(nn.Linear(3, 7))
    x, noise = Tensor(array(4, 7), name="x"), Tensor(array(4, 3), name="ε")
    code = encoder(x)
    mu, log_var = code[:, :3], code[:, 3:]
    mu.name, log_var.name = "μ", "s"
    z = mu + (0.5 * log_var).exp() * noise
    kl = -0.5 * (1 + log_var - mu * mu - log_var.exp()).sum(1).mean()
    return functional.binary_cross_entropy_with_logits(decoder(z), x) + kl


def convolution():
    kernel = Tensor(array(2, 1, 3, 3) - 0.5, True, name="K")
    x = Tensor(array(2, 1, 6, 6), name="x")
    h = ops.max_pool2d(ops.conv2d(x, kernel, padding=1).relu(), 2)
    y = ops.conv_transpose2d(h, kernel, stride=2, padding=1, output_padding=1)
    return functional.mse_loss(y, x)


def classifier():
    model = double(nn.Sequential(nn.Linear(5, 4), nn.LeakyReLU(), nn.Linear(4, 3)))
    return functional.cross_entropy(model(Tensor(array(4, 5))), np.array([0, 2, 1, 2]))


def long_chain():
    x = Tensor(array(3), True, name="x")
    ALIVE.append(x)
    y = x
    for _ in range(300):
        y = np.sin(y * 1.01) + y
    return y.sum()


def three_axes():
    layer = double(nn.Linear(4, 2))
    return functional.mse_loss(layer(Tensor(array(2, 3, 4))), Tensor(array(2, 3, 2)))


MODELS = [
    product_and_sum, mlp, autoencoder, fan_out_and_tied_weights, layer_norm, variational,
    convolution, classifier, long_chain, three_axes,
    lambda: mlp(loss=functional.binary_cross_entropy_with_logits),
    lambda: mlp(loss=lambda y, x: functional.binary_cross_entropy(y.sigmoid(), x)),
    lambda: mlp(loss=functional.huber_loss), lambda: mlp(loss=functional.l1_loss),
    lambda: mlp(loss=lambda y, x: functional.kl_div(y.log_softmax(), x.softmax())),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_every_line_evaluates_to_what_backpropagation_gives(model):
    loss = model()
    explanation = explain(loss, check=True)
    assert {line.kind for line in explanation.lines} == {"forward", "gradient"}
    for line in explanation.lines:
        assert line.error is not None, line
        assert line.error < 1e-10, (line.target, line.text, line.error)


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_has_its_line_and_every_format_is_sound(model):
    loss = model()
    explanation = explain(loss)
    leaves = [node for node in Graph.of(loss).leaves() if node.tracked]
    derived = [x for x in explanation.lines if x.kind == "gradient" and x.target.startswith("∂")]
    assert len(derived) >= len(leaves)
    ET.fromstring(explanation.html())
    assert explanation.latex().count(r"\begin{") == explanation.latex().count(r"\end{")
    assert explanation.markdown().count("$") % 2 == 0
    for line in explanation.lines:
        assert not set("\\{}") & set(line.text), line.text
        tex = line.expression.latex()
        assert tex.count("{") == tex.count("}")


def test_the_autoencoder_reads_as_in_a_textbook():
    model = Autoencoder()
    text = str(explain(model.loss(Tensor(array(32, 784).astype("f")))))
    equations = [
        line.strip().split("   ")[0].strip() for line in text.replace(" = ", "=").splitlines()
    ]
    for equation in [
        "a₁ = x W₁ᵀ + b₁",
        "x̂ = σ(a₄)",
        "L = mean((x̂ − x)²)",
        "δ₄ = 2/n (x̂ − x) ⊙ x̂ ⊙ (1 − x̂)",
        "∂L/∂W₄ = δ₄ᵀ h₃",
        "∂L/∂b₄ = Σᵢ δ₄",
        "∂L/∂h₃ = δ₄ W₄",
        "δ₃ = ∂L/∂h₃ ⊙ 1[h₃ > 0]",
        "δ₂ = ∂L/∂z = δ₃ W₃",
        "∂L/∂W₁ = δ₁ᵀ x",
    ]:
        assert any(found.startswith(equation.replace(" = ", "=")) for found in equations), equation
    assert "n = 32 · 784 = 25,088" in text


def formulas(loss, **options):
    return {line.target: line.text for line in explain(loss, **options).lines}


def test_where_a_value_is_used_twice_its_gradients_are_added():
    assert formulas(product_and_sum()) == {"L": "a b + b", "∂L/∂a": "b", "∂L/∂b": "a + 1"}
    W = Tensor(array(3, 3), True, name="W")
    x = Tensor(array(2, 3), name="x")
    tied = formulas(((x @ W) @ W.T).sum())
    assert tied["∂L/∂W"].count("+") == 1


def test_logits_give_the_difference_between_prediction_and_target():
    loss = mlp(loss=functional.binary_cross_entropy_with_logits)
    assert formulas(loss)["δ₂"] == "1/n (σ(a₂) − x)"


def test_an_operation_nobody_has_heard_of_is_derived_and_explained():
    bend = Op(
        "bend",
        lambda x, y: x / (1 + np.abs(x)) * y,
        lambda g, x, y: g * y / (1 + np.abs(x)) ** 2,
        lambda g, x: g * x / (1 + np.abs(x)),
        tex=r"\operatorname{{bend}}_{{{1}}}({0})",
    )
    try:
        x = Tensor(array(4, 3) - 0.5, True, name="x")
        y = Tensor(array(3), True, name="y")
        h = bend(x, y)
        h.name = "h"
        loss = (h * x).sum() + (h.exp()).mean()
        explanation = explain(loss, check=True)
    finally:
        del Op.registry["bend"]
    assert all(line.error < 1e-10 for line in explanation.lines)
    found = {line.target: line.text for line in explanation.lines}
    assert found["h"] == "bend_y(x)"
    assert found["∂L/∂y"] == "Σᵢ ∂L/∂h ⊙ x / (1 + |x|)"
    assert "y" in found["∂L/∂x"]


def test_a_rule_that_needs_arrays_is_named_instead_of_read():
    odd = Op("odd", np.sin, lambda g, x: g * np.cos(np.asarray(x.data)).astype(x.dtype).view(Odd),
             tex=r"\operatorname{{odd}}({0})")  # fmt: skip
    del Op.registry["odd"]
    w = Tensor(array(3), True, name="w")
    explanation = explain((odd(w * 2) ** 2).sum(), check=False)
    unread = [line for line in explanation.lines if line.expression is None]
    assert [line.text for line in unread] == ["the rule of odd"]
    assert explanation.lines[-1].target == "∂L/∂w"
    for text in (explanation.unicode(), explanation.latex(), explanation.html()):
        assert "the rule of odd" in text.replace("~", " ")


class Odd(np.ndarray):
    """An array that no tensor can be multiplied with."""

    def __array_ufunc__(self, *_, **__):
        raise TypeError("not with me")

    __array_priority__ = 100

    def __rmul__(self, _):
        raise TypeError("not with me")


def test_a_freed_graph_keeps_its_formulas():
    loss = autoencoder()
    before = str(explain(loss))
    loss.backward()
    assert str(explain(loss)) == before
    with pytest.raises(GradientError, match="freed"):
        explain(loss, check=True)


def test_looking_changes_nothing():
    W = Tensor(array(2, 3), True, name="W")
    h = Tensor(array(4, 2)) @ W
    h.retain_grad()
    seen = []
    h.register_hook(seen.append)
    loss = (h**2).sum()
    explain(loss, check=True)
    assert W.grad is None
    assert h.grad is None
    assert seen == []
    loss.backward()
    assert len(seen) == 1
    assert np.array_equal(
        W.grad.data, grad(((Tensor(h.node.inputs[0].saved[0]) @ W) ** 2).sum(), W).data
    )


@pytest.mark.parametrize(
    ("wrt", "targets"),
    [
        ("W₃", {"∂L/∂W₃"}),
        ("decoder", {"∂L/∂W₃", "∂L/∂b₃", "∂L/∂W₄", "∂L/∂b₄"}),
        ("encoder.0.weight", {"∂L/∂W₁"}),
        (["b₁", "b₂"], {"∂L/∂b₁", "∂L/∂b₂"}),
    ],
)
def test_only_what_is_asked_for_is_derived(wrt, targets):
    lines = explain(autoencoder(), wrt, check=True).lines
    parameters = {x.target for x in lines if x.target[:4] in ("∂L/∂",) and x.target[4] in "Wb"}
    assert parameters == targets
    assert all(line.error < 1e-10 for line in lines)


def test_a_tensor_can_be_asked_for_even_between():
    x = Tensor(array(3), True, name="x")
    y = x.exp()
    y.name = "y"
    assert formulas((y * y).sum(), wrt=y)["∂L/∂y"] == "2 y"


def test_mistakes_are_answered():
    loss = autoencoder()
    with pytest.raises(UserError, match="Did you mean 'decoder'"):
        explain(loss, "decodr")
    with pytest.raises(UserError, match="does not depend"):
        explain(loss, Tensor(1.0, True))
    with pytest.raises(UserError, match="unicode, latex"):
        explain(loss, format="word")
    with pytest.raises(GradientError, match="one element"):
        explain(Tensor(array(3), True) * 2)
    with pytest.raises(GradientError, match="does not require"):
        explain(Tensor(1.0))
    with pytest.raises(UserError, match="takes the loss"):
        explain(3.0)


def test_a_check_finds_a_wrong_line():
    wrong = Op("wrong", np.exp, lambda g, x: g * x, tex=r"\exp({0})")
    del Op.registry["wrong"]
    x = Tensor(array(3), True, name="x")
    loss = wrong(x).sum()
    assert explain(loss, check=True).lines[-1].error == 0  # true to the rule, if not to exp
    assert _distance(np.ones(3), np.array([1.0, 1, 2])) == 0.5
    assert _distance(np.ones(3), np.ones((1, 3))) == np.inf


def test_a_wide_operation_takes_work_and_a_page_in_proportion():
    def effort(parts):
        loss = (ops.concatenate([Tensor(array(3, 2), True) for _ in range(parts)]) ** 2).sum()
        before = next(clock)  # counts the operations that rules record
        explanation = explain(loss)
        return next(clock) - before, len(str(explanation)), len(explanation.lines)

    few, many = effort(30), effort(300)
    assert all(m <= 11 * f for f, m in zip(few, many, strict=True)), (few, many)
