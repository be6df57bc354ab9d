import math

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, grad, gradcheck, manual_seed, nn, remat
from tinygrad_ae.errors import ModelError, ShapeError

rng = np.random.default_rng(0)


def check_layer(layer, x):
    """Check the gradients with respect to the input and every parameter, in float64."""
    layer.astype(np.float64)
    names = [name for name, _ in layer.named_parameters()]

    def f(x, *values):
        for name, value in zip(names, values, strict=True):
            # the layer must run on gradcheck's own tensors
            vars(layer)[name] = value
        return layer(x)

    kept = dict(vars(layer))
    assert gradcheck(f, (x, *(p.data.copy() for p in layer.parameters())))
    vars(layer).update(kept)


# ---- Linear


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (0, 5), (2, 0, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_x_w_transposed_plus_b(shape, bias):
    layer = nn.Linear(5, 4, bias, dtype=np.float64)
    x = rng.normal(size=shape)
    expected = x @ layer.weight.data.T + (layer.bias.data if bias else 0)
    y = layer(Tensor(x))
    assert y.shape == (*shape[:-1], 4)
    np.testing.assert_allclose(y.data, expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_gradients(shape, bias):
    check_layer(nn.Linear(3, 2, bias), rng.normal(size=shape))


def test_linear_of_a_batch_is_one_operation():
    y = nn.Linear(3, 2)(np.ones((4, 3), np.float32))
    assert [node.op.name for node in Graph.of(y) if node.op] == ["linear"]
    assert y.dtype == np.float32


@pytest.mark.parametrize("bias", [True, False])
def test_linear_of_a_stack_of_batches_keeps_its_axes_in_the_graph(bias):
    x = Tensor(np.ones((4, 6, 8), np.float32))
    y = nn.Linear(8, 3, bias=bias)(x)
    assert y.shape == (4, 6, 3)
    assert x.node in Graph.of(y).leaves()
    assert all(node.op.name != "reshape" for node in Graph.of(y) if node.op)


def test_linear_starts_within_one_over_root_n_and_repeats_from_a_seed():
    layer = nn.Linear(400, 300, generator=np.random.default_rng(1))
    bound = 1 / math.sqrt(400)
    for p in layer.parameters():
        assert np.abs(p.data).max() <= bound
        assert np.abs(p.data).max() > 0.95 * bound
        assert abs(p.data.std() - bound / math.sqrt(3)) < 0.1 * bound
    again = nn.Linear(400, 300, generator=np.random.default_rng(1))
    np.testing.assert_array_equal(layer.weight.data, again.weight.data)
    manual_seed(3)
    first = nn.Linear(3, 3).weight.data
    manual_seed(3)
    np.testing.assert_array_equal(first, nn.Linear(3, 3).weight.data)


def test_linear_names_the_layer_and_both_shapes():
    with pytest.raises(ShapeError, match=r"Linear\(in_features=784.*\(…, 784\); got \(2, 783\)"):
        nn.Linear(784, 2)(np.ones((2, 783)))
    with pytest.raises(ShapeError, match=r"got \(\)"):
        nn.Linear(1, 1)(Tensor(1.0))
    # reshaping (2, 28, 28) to (2, 784) here would be a guess
    with pytest.raises(ShapeError, match=r"got \(2, 28, 28\)\. Put nn\.Flatten\(\) before it"):
        nn.Linear(784, 2)(np.ones((2, 28, 28)))


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "3"])
def test_sizes_are_positive_whole_numbers(size):
    with pytest.raises(ModelError, match="in_features must be a positive whole number"):
        nn.Linear(size, 2)
    with pytest.raises(ModelError, match="num_features"):
        nn.BatchNorm1d(size)


# ---- shape


def test_flatten_and_unflatten_undo_each_other():
    x = rng.normal(size=(2, 3, 4))
    flat = nn.Flatten()(x)
    assert flat.shape == (2, 12)
    np.testing.assert_array_equal(nn.Unflatten((3, 4))(flat).data, x)
    assert nn.Flatten(0)(x).shape == (24,)
    assert nn.Flatten(-1)(x).shape == (2, 3, 4)
    assert nn.Flatten()(np.ones((0, 2, 3))).shape == (0, 6)
    with pytest.raises(ShapeError, match=r"Unflatten\(\(3, 4\)\) expects .* 12\); got \(2, 13\)"):
        nn.Unflatten((3, 4))(np.ones((2, 13)))
    with pytest.raises(ShapeError, match=r"Flatten.*got \(2,\)"):
        nn.Flatten()(np.ones(2))


# ---- Dropout


def test_dropout_zeroes_and_rescales_in_training_only():
    layer = nn.Dropout(0.25, generator=np.random.default_rng(0))
    x = Tensor(np.ones((100, 100), np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y.data == 0).mean() - 0.25) < 0.02
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, y.data)
    assert not np.array_equal(layer(x).data, y.data)
    assert layer.eval()(x) is x


def test_dropout_repeats_from_a_seed():
    x = np.ones((8, 8), np.float32)
    manual_seed(5)
    first = nn.Dropout()(x).data
    manual_seed(5)
    np.testing.assert_array_equal(first, nn.Dropout()(x).data)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_refuses_what_is_no_probability(p):
    with pytest.raises(ModelError, match="p must be"):
        nn.Dropout(p)
    with pytest.raises(ShapeError, match="p must be"):
        nn.functional.dropout(np.ones(3), p)


# ---- normalisation


@pytest.mark.parametrize(("shape", "over"), [((4, 5), 5), ((2, 3, 4), (3, 4)), ((2, 3, 4), 4)])
def test_layer_norm_formula(shape, over):
    layer = nn.LayerNorm(over, eps=1e-3, dtype=np.float64)
    axes = (-1,) if isinstance(over, int) else (-2, -1)
    layer.weight.data[...] = rng.normal(size=layer.weight.shape)
    layer.bias.data[...] = rng.normal(size=layer.bias.shape)
    x = rng.normal(3, 2, size=shape)
    mean = x.mean(axis=axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    expected = (x - mean) / np.sqrt(var + 1e-3) * layer.weight.data + layer.bias.data
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
    plain = nn.LayerNorm(over, eps=1e-3, elementwise_affine=False)
    assert not list(plain.parameters())
    np.testing.assert_allclose(plain(x).data, (x - mean) / np.sqrt(var + 1e-3), rtol=1e-12)
    check_layer(layer, x)


def test_layer_norm_names_the_shapes():
    with pytest.raises(ShapeError, match=r"layer_norm over \(4,\).*got \(2, 3\)"):
        nn.LayerNorm(4)(np.ones((2, 3)))


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2)])
def test_batch_norm_in_training_and_evaluation(shape):
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    layer.weight.data[...] = [1.0, 2.0, -1.0]
    layer.bias.data[...] = [0.0, 0.5, 1.0]
    axes = (0, 2) if len(shape) == 3 else (0,)
    column = (3, 1) if len(shape) == 3 else (3,)
    weight, bias = layer.weight.data.reshape(column), layer.bias.data.reshape(column)
    running_mean, running_var = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = rng.normal(2, 3, size=shape)
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        y = layer(Tensor(x))
        expected = (x - mean.reshape(column)) / np.sqrt(var.reshape(column) + 1e-5)
        np.testing.assert_allclose(y.data, expected * weight + bias, rtol=1e-10)
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_var = 0.9 * running_var + 0.1 * x.var(axis=axes, ddof=1)
    np.testing.assert_allclose(layer.running_mean.data, running_mean)
    np.testing.assert_allclose(layer.running_var.data, running_var)
    layer.eval()
    y = layer(Tensor(x))
    scale = np.sqrt(running_var.reshape(column) + 1e-5)
    expected = (x - running_mean.reshape(column)) / scale
    np.testing.assert_allclose(y.data, expected * weight + bias, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.data, running_mean)  # untouched by evaluation
    check_layer(layer, x)
    check_layer(layer.train(), x)


def test_batch_norm_moves_its_statistics_once_when_it_is_run_again_for_its_gradient():
    plain, again = nn.BatchNorm1d(3, dtype=np.float64), nn.BatchNorm1d(3, dtype=np.float64)
    x = Tensor(rng.normal(2, 3, size=(6, 3)), requires_grad=True)
    wanted = grad((plain(x) ** 3).sum(), x)
    loss = (remat(again)(x) ** 3).sum()
    np.testing.assert_allclose(grad(loss, x).data, wanted.data)
    np.testing.assert_array_equal(again.running_mean.data, plain.running_mean.data)
    np.testing.assert_array_equal(again.running_var.data, plain.running_var.data)


def test_batch_norm_without_scale_and_shift():
    layer = nn.BatchNorm1d(3, affine=False)
    assert not list(layer.parameters())
    y = layer(rng.normal(2, 3, size=(50, 3)).astype(np.float32))
    np.testing.assert_allclose(y.data.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.data.std(0), 1, atol=1e-4)


def test_settings_are_shown():
    shown = "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=False)"
    assert repr(nn.BatchNorm1d(3, affine=False)) == shown
    assert repr(nn.LayerNorm(4)) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True)"
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2)"


def test_batch_norm_saves_its_statistics():
    layer = nn.BatchNorm1d(2)
    layer(rng.normal(size=(8, 2)).astype(np.float32))
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var"]
    assert layer.running_mean.dtype == np.float32
    assert len(list(layer.parameters())) == 2
    other = nn.BatchNorm1d(2)
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.running_var.data, layer.running_var.data)


def test_batch_norm_cannot_learn_from_one_sample():
    layer = nn.BatchNorm1d(2)
    with pytest.raises(ShapeError, match=r"more than one value per feature.*\(1, 2\)"):
        layer(np.ones((1, 2), np.float32))
    np.testing.assert_array_equal(layer.running_var.data, [1, 1])
    assert layer.eval()(np.ones((1, 2), np.float32)).shape == (1, 2)
    with pytest.raises(ShapeError, match=r"expects an input \(batch, 2.*got \(4, 3\)"):
        layer(np.ones((4, 3)))


# ---- containers


def test_sequential_indexes_slices_and_appends():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    model = nn.Sequential(a, b)
    assert model.append(c) is model
    assert len(model) == 3
    assert model[0] is a
    assert model[-1] is c
    assert list(model) == [a, b, c]
    assert list(model[:2]) == [a, b]
    assert list(nn.ModuleList().extend([a, b])) == [a, b]
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(model(x).data, c(model[:2](x)).data)
    with pytest.raises(IndexError, match="has 3 modules; no index 3"):
        model[3]
    assert nn.Sequential()(x) is x


def test_a_module_may_take_the_place_of_another():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    model[-2] = other = nn.Tanh()
    assert list(model)[1] is model[1] is other
    x = Tensor(rng.standard_normal((4, 2)).astype(np.float32))
    np.testing.assert_array_equal(model(x).data, model[2](other(model[0](x))).data)
    paths = [path for path, _ in model.named_parameters()]
    assert paths == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(IndexError, match="has 3 modules; no index 3"):
        model[3] = nn.ReLU()
    with pytest.raises(ModelError, match="holds modules"):
        model[0] = np.tanh


def test_the_same_module_may_stand_twice_in_a_sequential():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(model) == 3
    assert len(list(model.parameters())) == 2
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(model(x).data, layer(layer(x).relu()).data)


@pytest.mark.parametrize("container", [lambda m: nn.Sequential(m), lambda m: nn.ModuleList([m])])
def test_containers_refuse_functions(container):
    with pytest.raises(ModelError, match=r"holds modules, like nn\.ReLU\(\); got"):
        container(np.tanh)


def test_a_batch_buffer_may_be_overwritten_after_forward():
    for layer in (nn.Linear(2, 2, dtype=np.float64), nn.LayerNorm(2, dtype=np.float64)):
        batch = np.array([[1.0, 2.0], [4.0, 3.0]])
        wanted = grad(layer(Tensor(batch)).square().sum(), layer.weight)
        loss = layer(batch).square().sum()
        batch[...] = 9
        np.testing.assert_array_equal(grad(loss, layer.weight).data, wanted.data)
