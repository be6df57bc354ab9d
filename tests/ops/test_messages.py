"""What goes wrong is told in one way: the operation, what it was given, what to do, the line."""

import re

import numpy as np
import pytest

from tinygrad_ae import Tensor, detect_anomaly, nn, ops
from tinygrad_ae.errors import GradientError, NonFiniteError, ShapeError, UserError

T = Tensor(np.zeros((2, 3)), name="picture")
V = Tensor([1.0, 2.0, 3.0])
CASES = [
    ("tensordot", "0 to 2", lambda: ops.tensordot(T, T, 5)),
    ("tensordot", "0 to 2", lambda: np.tensordot(T, T, -1)),
    ("tensordot", "twice", lambda: np.tensordot(T, T, ((0, 0), (0, 0)))),
    ("repeat", "from 0", lambda: T.repeat(-1)),
    ("repeat", "each of the 2", lambda: T.repeat([1, 2, 3], 0)),
    ("repeat", "whole numbers", lambda: np.repeat(T, 1.5)),
    ("pad", "negative", lambda: np.pad(T, -1)),
    ("pad", "one pair for each", lambda: ops.pad(T, ((1, 2, 3),))),
    ("pad", "no elements", lambda: ops.pad(Tensor(np.zeros((0, 2))), 1, "edge")),
    ("squeeze", r"index it: x\[0\]", lambda: T.squeeze(0)),
    ("squeeze", "axis 7", lambda: np.squeeze(T, 7)),
    ("moveaxis", "axis 5", lambda: np.moveaxis(T, 0, 5)),
    ("moveaxis", "2 axes", lambda: np.moveaxis(T, (0, 1), (0,))),
    ("moveaxis", "twice", lambda: ops.moveaxis(T, (0, 0), (0, 1))),
    ("diagonal", "two axes", lambda: V.diagonal()),
    ("diagonal", "two axes", lambda: ops.diagonal(T, 0, 1, 1)),
    ("expand_dims", "-3 to 2", lambda: T.expand_dims(9)),
    ("expand_dims", "each once", lambda: np.expand_dims(T, (0, 0))),
    ("transpose", "each of the 2 axes once", lambda: T.transpose(0)),
    ("transpose", "each of the 2 axes once", lambda: np.transpose(T, (1, 1))),
    ("swapaxes", "axis 4", lambda: T.swapaxes(0, 4)),
    ("roll", "axis 7", lambda: np.roll(T, 1, 7)),
    ("roll", "3 for 2 axes", lambda: ops.roll(T, (1, 2, 3), (0, 1))),
    ("flip", "axis 3", lambda: ops.flip(T, 3)),
    ("split", "4 equal sections", lambda: ops.split(T, 4)),
    ("stack", "one shape", lambda: np.stack([T, V])),
    ("concatenate", "axis 0 only", lambda: np.concatenate([T, V])),
    ("einsum", "2 axes", lambda: np.einsum("ijk", T)),
    ("tile", "negative", lambda: np.tile(T, (2, -1))),
    ("broadcast_to", "have its length", lambda: T.broadcast_to((4,))),
    ("take", "axis 5", lambda: T.take(0, axis=5)),
    ("reshape", "whole numbers", lambda: T.reshape(2.7, -1)),
    ("reshape", "whole numbers", lambda: T.reshape("24")),
    ("reshape", "whole numbers", lambda: ops.reshape(T, (2.0, 3))),
    ("sum", "axis 5", lambda: T.sum(5)),
    ("mean", "twice", lambda: T.mean((0, 0))),
    ("softmax", "axis 2", lambda: T.softmax(2)),
    ("softmax", r"astype\('float32'\)", lambda: (T > 0).softmax()),
    ("log_softmax", "truth values", lambda: nn.LogSoftmax()(T > 0)),
    ("logsumexp", "truth values", lambda: ops.logsumexp(T > 0)),
    ("gather", "the 2 axes", lambda: ops.gather(T, 0, np.array([0, 1]))),
    ("gather", "the 2 axes", lambda: ops.gather(T, 0, np.zeros((1, 3, 1), int))),
    ("gather", "none longer", lambda: ops.gather(T, 0, np.zeros((2, 4), int))),
    ("gather", "whole numbers", lambda: ops.gather(T, 0, np.ones((2, 3), bool))),
    ("scatter_add", "the 2 axes", lambda: ops.scatter_add(T, 1, np.array([0]), V)),
    ("scatter_add", "the source", lambda: ops.scatter_add(T, 1, np.zeros((2, 2), int), V)),
    ("scatter_add", "the source", lambda: ops.scatter_add(T, 1, np.zeros((2, 2), int), T[:1])),
    ("tril", "a vector or matrices", lambda: np.tril(Tensor(1.0))),
    ("astype", "foo", lambda: T.astype("foo")),
    ("diff", "axis -1", lambda: np.diff(Tensor(3.0))),
    ("diag", "a vector", lambda: np.diag(Tensor(np.zeros((2, 2, 2))))),
    ("mul", "Pad the shorter", lambda: T * [[1, 2], [3]]),
    ("add", "Pad the shorter", lambda: np.add(T, [[1], [1, 2]])),
    ("concatenate", "Pad the shorter", lambda: np.concatenate([T, [[1], [1, 2]]])),
    ("hypot", r"\(2, 3\), \(2,\) do not fit.*3 stands against 2 at axis -1",
     lambda: np.hypot(T, V[:2])),
    ("add", r"2 stands against 4 at axis -2", lambda: T + np.zeros((4, 3))),
    ("maximum", "do not fit each other", lambda: T.clip(np.zeros(4))),
    ("where", r"\(2, 3\), \(2, 3\), \(2,\) do not fit", lambda: ops.where(T > 0, T, V[:2])),
    ("reshape", r"6 elements do not fill the shape \(4, 2\), which has 8", lambda: T.reshape(4, 2)),
    ("reshape", r"the shape \(-1, 4\), as 6 is no multiple of 4", lambda: T.reshape(-1, 4)),
    ("reshape", "of which one length may be -1", lambda: T.reshape(-1, -1)),
    ("einsum", "'j' stands for axes of length 3 and 2", lambda: np.einsum("ij,jk", T, T)),
    ("einsum", "'i' stands for axes of length 2 and 3", lambda: np.einsum("ii", T)),
    ("getitem", "no index 5: axis 0 has length 2, so indices from -2 to 1", lambda: T[5]),
    ("getitem", "axes is 2, that of the indices 3", lambda: T[:, :, 0]),
    ("getitem", "axis 0 has length 2, the mask 3", lambda: T[np.ones(3, bool)]),
    ("getitem", "whole numbers, slices", lambda: T["a"]),
    ("getitem", r"one element each: the shapes \(2,\), \(3,\)", lambda: T[[0, 1], [0, 1, 2]]),
    ("setitem", r"shape \(4,\) do not fit the shape \(2, 3\)",
     lambda: T.copy().__setitem__(slice(None), np.zeros(4))),
    ("setitem", r"shape \(3,\) do not fit the shape \(2,\)",
     lambda: V.copy().__setitem__([0, 1], np.zeros(3))),
    ("setitem", "3 values were given for the 2 places",
     lambda: V.copy().__setitem__(np.array([True, False, True]), np.zeros(3))),
    ("where", "Pad the shorter", lambda: ops.where([[True], [True, False]], T, T)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words", "wrong"), CASES)
def test_mistakes_name_the_operation_its_arguments_and_the_line(name, words, wrong):
    with pytest.raises((UserError, TypeError, IndexError)) as caught:
        wrong()
    message = str(caught.value)
    assert message.startswith(f"{name} cannot work on ")
    assert re.search(words, message)
    assert re.search(r"\(.*\) (float64|bool)", message)
    line = wrong.__code__.co_firstlineno
    assert f"at {__file__}:{line}" in message


NUMPYS = re.compile(
    "operands could|broadcast |array of size|out of bounds|dimensional|boolean index|remapped"
)


@pytest.mark.parametrize(("name", "words", "wrong"), CASES)
def test_no_reason_is_numpys_own(name, words, wrong):
    with pytest.raises((UserError, TypeError, IndexError)) as caught:
        wrong()
    assert not NUMPYS.search(str(caught.value).removeprefix(name).partition(": ")[2])


F = nn.functional


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: F.mse_loss(T, V),
        lambda: F.huber_loss(T, T, delta=0),
        lambda: F.l1_loss(T, T, "avg"),
        lambda: F.binary_cross_entropy(T + 2, T),
        lambda: F.cross_entropy(T, np.array([0, 1, 2])),
        lambda: F.cross_entropy(T, np.array([0, 7])),
        lambda: F.nll_loss(T, np.array([0.0, 1.0])),
        lambda: F.kl_div(T, T - 1),
        lambda: F.layer_norm(T, 4),
        lambda: F.dropout(T, 2.0),
        lambda: nn.MSELoss()(T, V),
        lambda: nn.Linear(4, 5)(T),
        lambda: nn.BatchNorm1d(3)(T[:1]),
        lambda: V.copy().__iadd__(T),
    ],
)
def test_losses_and_layers_name_the_line_too(wrong):
    with pytest.raises(ShapeError) as caught:
        wrong()
    assert f"at {__file__}:{wrong.__code__.co_firstlineno}" in str(caught.value)


def test_the_line_stands_beside_the_module():
    class Wrong(nn.Module):
        def forward(self, x):
            return x.squeeze(0)

    with pytest.raises(ShapeError, match=r"in module Wrong.*, at .*test_messages\.py"):
        Wrong()(T)


@pytest.mark.parametrize("data", [[[1, 2], [3]], [[[1], [2]], [[1, 2], [3, 4]]]])
def test_lists_of_several_lengths_are_no_tensor(data):
    for kind in (None, np.float32):
        with pytest.raises(
            ShapeError, match=r"(?s)list.*one length at each level.*Pad.*at .*\.py:"
        ):
            Tensor(data, dtype=kind)


def test_arrays_get_the_reasons_too():
    with pytest.raises(ValueError, match="only axes of length 1"):
        ops.squeeze(T.data, 0)
    with pytest.raises(TypeError, match="missing 1 required positional"):
        ops.swapaxes(T, 0)


def test_a_leaf_that_requires_gradients_is_no_constant():
    leaf = Tensor([-1.0], requires_grad=True)
    with pytest.raises(NonFiniteError) as caught, detect_anomaly(), np.errstate(all="ignore"):
        ops.log(Tensor([np.inf], requires_grad=True))
    assert "leaf (1,)" in str(caught.value)
    with pytest.raises(GradientError) as caught:
        leaf += 1
    assert "leaf (1,)" in str(caught.value)
    assert "constant" not in f"{leaf.label()} {leaf.node!r}"


@pytest.mark.parametrize("k", [-1, 0, 1])
def test_triangles_of_a_vector_are_numpys(k):
    for f in (np.tril, np.triu):
        np.testing.assert_array_equal(f(V, k).data, f(V.data, k))
