import copy
import pickle

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, nn, no_grad
from tinygrad_ae.core.graph import state
from tinygrad_ae.errors import GradientError, ModelError


class Pair(nn.Module):
    def __init__(self):
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.decoder = nn.Linear(3, 4)
        self.scale = nn.Parameter(np.ones(4, np.float32))
        self.register_buffer("mean", np.full(4, 0.5, np.float32))

    def forward(self, x):
        return self.decoder(self.encoder(x - self.mean)) * self.scale


def test_attributes_are_found_by_name_own_parameters_first():
    model = Pair()
    assert [name for name, _ in model.named_parameters()] == [
        "scale",
        "encoder.0.weight",
        "encoder.0.bias",
        "decoder.weight",
        "decoder.bias",
    ]
    assert [name for name, _ in model.named_buffers()] == ["mean"]
    assert [name for name, _ in model.named_children()] == ["encoder", "decoder"]
    assert [name for name, _ in model.named_modules()] == [
        "",
        "encoder",
        "encoder.0",
        "encoder.1",
        "decoder",
    ]
    assert list(model.children()) == [model.encoder, model.decoder]
    assert model.encoder[0].weight.name == "weight"


def test_replacing_and_deleting_an_attribute_unregisters_it():
    model = Pair()
    model.scale = None
    del model.decoder
    assert [name for name, _ in model.named_parameters()] == ["encoder.0.weight", "encoder.0.bias"]


def test_no_base_initialiser_has_to_run():
    class Late(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([1.0])
            super().__init__()
            self.inner = nn.Linear(1, 1)

    assert [name for name, _ in Late().named_parameters()] == [
        "weight",
        "inner.weight",
        "inner.bias",
    ]


def test_a_plain_tensor_cannot_take_the_place_of_a_parameter():
    model = Pair()
    with pytest.raises(ModelError, match=r"Pair\.scale is a Parameter.*nn\.Parameter"):
        model.scale = Tensor(np.zeros(4))


def test_a_buffer_stays_one_when_it_is_assigned_to():
    model = Pair()
    model.mean = Tensor(np.zeros(4, np.float32))
    assert [name for name, _ in model.named_buffers()] == ["mean"]
    assert not model.mean.requires_grad


@pytest.mark.parametrize("hide", [lambda m: [m], lambda m: (1, m), lambda m: {"a": m}])
@pytest.mark.parametrize("thing", [nn.Linear(1, 1), nn.Parameter([1.0])])
def test_modules_hidden_in_a_list_are_refused(hide, thing):
    model = Pair()
    model.hidden = hide(thing)
    with pytest.raises(ModelError, match=r"hidden is a .* holds modules or parameters"):
        model.parameters()


def test_a_list_of_modules_registered_elsewhere_is_fine():
    model = Pair()
    model.both = [model.encoder, model.scale]
    assert len(list(model.parameters())) == 5


def test_shared_parameters_and_modules_appear_once():
    class Tied(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 3)
            self.second = nn.Linear(3, 3)
            self.second.weight = self.first.weight
            self.again = self.first

    model = Tied()
    assert [name for name, _ in model.named_parameters()] == [
        "first.weight",
        "first.bias",
        "second.bias",
    ]
    assert len(list(model.modules())) == 3
    twin = copy.deepcopy(model)
    assert twin.second.weight is twin.first.weight is twin.again.weight
    assert twin.first.weight is not model.first.weight


def test_a_tied_weight_receives_the_sum_of_its_gradients():
    model = nn.Sequential(nn.Linear(2, 2, bias=False, dtype=float), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    x = np.array([[1.0, -2.0]])
    model(x).sum().backward()
    W = model[0].weight.data
    ones = np.ones((1, 2))
    expected = ones.T @ (x @ W.T) + (ones @ W).T @ x
    np.testing.assert_allclose(model[0].weight.grad.data, expected)


def test_train_and_eval_reach_every_module():
    model = Pair()
    assert model.training
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    model.train()
    assert all(module.training for module in model.modules())


def test_state_dict_round_trip_writes_in_place_and_copies():
    model, other = Pair(), Pair()
    memory = other.decoder.weight.data
    saved = model.state_dict()
    other.load_state_dict(saved)
    assert other.decoder.weight.data is memory
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(model(x).data, other(x).data)
    saved["decoder.weight"][...] = 7
    assert not (model.decoder.weight.data == 7).any()
    assert not (other.decoder.weight.data == 7).any()
    assert list(saved) == [
        "scale",
        "encoder.0.weight",
        "encoder.0.bias",
        "decoder.weight",
        "decoder.bias",
        "mean",
    ]


def test_load_state_dict_names_everything_that_is_wrong_and_changes_nothing():
    model = Pair()
    before = model.state_dict()
    wrong = {name: value + 1 for name, value in before.items()}
    wrong["decodr.bias"] = wrong.pop("decoder.bias")
    wrong["scale"] = np.ones(5)
    wrong["mean"] = np.ones(4, complex)
    with pytest.raises(ModelError) as error:
        model.load_state_dict(wrong)
    message = str(error.value)
    assert "missing: decoder.bias (4,)" in message
    assert "unexpected: decodr.bias (4,). Did you mean 'decoder.bias'?" in message
    assert "scale has shape (4,), given (5,)" in message
    assert "mean holds float32, given complex128" in message
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_load_state_dict_not_strict_takes_what_fits_by_name():
    model = Pair()
    model.load_state_dict({"scale": np.full(4, 3.0), "other": np.ones(2)}, strict=False)
    np.testing.assert_array_equal(model.scale.data, np.full(4, 3, np.float32))
    assert model.scale.dtype == np.float32


def test_loading_between_forward_and_backward_is_noticed():
    model = Pair()
    saved = model.state_dict()
    loss = model(np.ones((2, 4), np.float32)).sum()
    model.load_state_dict(saved)
    with pytest.raises(GradientError, match="load_state_dict"):
        loss.backward()


def test_zero_grad_and_freezing():
    model = Pair()
    model(np.ones((2, 4), np.float32)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.encoder.requires_grad_(False)
    model(np.ones((2, 4), np.float32)).sum().backward()
    assert model.encoder[0].weight.grad is None
    assert model.decoder.weight.grad is not None


def test_apply_visits_children_before_parents():
    seen = []
    model = Pair()
    assert model.apply(seen.append) is model
    assert seen[-1] is model
    assert seen.index(model.encoder[0]) < seen.index(model.encoder)
    assert len(seen) == 5


def test_astype_converts_values_and_gradients():
    model = Pair()
    model.decoder.bias.requires_grad_(False)
    model.astype(np.float64)
    assert {v.dtype.name for v in model.state_dict().values()} == {"float64"}
    model(np.ones((2, 4))).sum().backward()
    assert model.decoder.weight.grad.dtype == np.float64
    assert not model.decoder.bias.requires_grad
    with pytest.raises(TypeError, match="floats"):
        model.astype(int)


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(ModelError, match=r"Empty was called but defines no forward"):
        Empty()(1)


# ---- copies


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_parameter_clones_are_independent_leaves(clone):
    p = nn.Parameter([1.0, 2.0], name="w")
    q = clone(p)
    assert type(q) is nn.Parameter
    assert (q.name, q.requires_grad) == ("w", True)
    (q * q).sum().backward()
    assert p.grad is None
    np.testing.assert_array_equal(q.grad.data, [2, 4])
    q.data[0] = 9
    assert p.data[0] == 1
    frozen = clone(nn.Parameter([1.0], requires_grad=False))
    assert not frozen.requires_grad


def test_a_shallow_copy_shares_memory_but_is_its_own_leaf():
    p = nn.Parameter([1.0, 2.0])
    q = copy.copy(p)
    assert type(q) is nn.Parameter
    assert q.data is p.data
    q.sum().backward()
    assert p.grad is None
    assert q.grad is not None


def test_parameters_are_floats():
    with pytest.raises(TypeError, match="floating-point"):
        nn.Parameter([1, 2])


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_module_clones_compute_the_same_and_train_apart(clone):
    model = Pair()
    twin = clone(model)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(model(x).data, twin(x).data)
    twin(x).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert Graph.of(twin(x)).module("encoder.0")


# ---- hooks


def test_hooks_see_and_replace_and_can_be_removed():
    layer = nn.Identity()
    calls = []
    remove_pre = layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    remove = layer.register_forward_hook(lambda m, args, out: calls.append((m, args, out)))
    remove_double = layer.register_forward_hook(lambda m, args, out: out * 2)
    x = Tensor([1.0])
    assert layer(x).item() == 4
    ((module, args, out),) = calls
    assert module is layer
    assert args[0].item() == out.item() == 2
    remove_pre()
    remove()
    remove_double()
    assert layer(x) is x
    assert len(calls) == 1


# ---- scopes


def paths(output):
    return [node.path for node in Graph.of(output) if node.op]


def test_operations_know_the_path_of_their_module():
    model = Pair()
    assert paths(model(np.ones((2, 4), np.float32))) == ["encoder.0", "encoder.1", "decoder", ""]
    code = model.encoder(np.ones((2, 4), np.float32))
    assert paths(code) == ["encoder.0", "encoder.1"]
    assert Graph.of(code).op("relu")[0].scope.kind == "ReLU"
    assert Graph.of(code).op("relu")[0].scope.parent.kind == "Sequential"


def test_items_of_a_module_list_carry_its_name():
    class Stack(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
            self.layers.append(nn.Linear(2, 2))
            self.grid = nn.ModuleList([nn.ModuleList([nn.Linear(2, 2)])])

        def forward(self, x):
            for layer in [*self.layers, self.grid[0][0]]:
                x = layer(x)
            return x

    model = Stack()
    found = paths(model(np.ones((1, 2), np.float32)))
    assert found == ["layers.0", "layers.1", "layers.2", "grid.0.0"]
    assert [name.rpartition(".")[0] for name, _ in model.named_parameters()][::2] == found


def test_a_module_made_inside_forward_is_called_by_its_class():
    class Outer(nn.Module):
        def __init__(self):
            self.inner = Inner()

        def forward(self, x):
            return self.inner(x)

    class Inner(nn.Module):
        def forward(self, x):
            return nn.Tanh()(x)

    assert paths(Outer()(Tensor([1.0], requires_grad=True))) == ["inner.Tanh"]


def test_the_scope_is_restored_after_an_error():
    with pytest.raises(ValueError, match=r"encoder\.0: Linear\(in_features=4"):
        Pair().encoder(np.ones((2, 7), np.float32))
    assert state.scope is None


def test_the_first_registration_names_a_shared_module():
    model = Pair()
    model.alias = model.encoder
    assert paths(model.alias(np.ones((2, 4), np.float32)))[0] == "encoder.0"


# ---- to look at


def test_repr_is_nested():
    assert repr(Pair()) == (
        "Pair(\n"
        "  (encoder): Sequential(\n"
        "    (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (decoder): Linear(in_features=3, out_features=4, bias=True)\n"
        ")"
    )


@pytest.mark.parametrize(
    "nest",
    [
        lambda part: [[part]], lambda part: {"a": [part]}, lambda part: {part}, lambda part: ((), {1: part}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [lambda: nn.Linear(2, 2), lambda: nn.Parameter([1.0])])
def test_parts_hidden_at_any_depth_are_refused(nest, make):
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].parts = nest(make())
    with pytest.raises(ModelError, match=r"0\.parts is a .* neither trained nor saved"):
        module.parameters()
    module[0].parts = [[1, "a"], {"b": (np.ones(2), None)}]
    assert len(list(module.parameters())) == 2


def test_a_plain_tensor_that_requires_gradients_is_refused():
    module = nn.Module()
    module.scale = Tensor([1.0], requires_grad=True)
    with pytest.raises(ModelError, match=r"scale .*nn\.Parameter"):
        module.state_dict()
    module.scale = module.scale * 2  # a result kept to be looked at
    module.other = Tensor([1.0])
    assert list(module.parameters()) == []


def test_backward_hooks_see_and_replace_the_gradient_of_the_output():
    layer, seen = nn.Tanh(), []
    x = Tensor([0.5, 1.0], requires_grad=True)
    remove = layer.register_full_backward_pre_hook(
        lambda m, g: seen.append((m, g.tolist())) or g * 10
    )
    (layer(x) * 3).sum().backward()
    assert seen == [(layer, [3, 3])]
    np.testing.assert_allclose(x.grad.data, 30 * (1 - np.tanh(x.data) ** 2))
    with no_grad():
        layer(x)
    remove()
    (layer(x) * 3).sum().backward()
    assert len(seen) == 1


def test_one_of_two_equal_hooks_is_removed():
    layer, calls = nn.Tanh(), []

    def hook(*given):
        calls.append(given)

    remove, _ = layer.register_forward_hook(hook), layer.register_forward_hook(hook)
    remove()
    layer(Tensor([1.0]))
    assert len(calls) == 1


def test_an_error_is_noted_with_its_module_and_line():
    class Inner(nn.Module):
        def forward(self, x):
            return x.sum(axis=3)

    model = nn.Sequential(nn.Tanh(), Inner())
    with pytest.raises(IndexError) as caught:
        model(Tensor([[1.0]]))
    (note,) = caught.value.__notes__
    line = Inner.forward.__code__.co_firstlineno + 1
    assert note == f"in module 1 (Inner), at {__file__}:{line}"
