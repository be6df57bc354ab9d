import copy
import math

import numpy as np
import pytest

from tinygrad_ae import Tensor, manual_seed, nn, optim
from tinygrad_ae.errors import GradientError, ModelError, NonFiniteError, ShapeError

SHAPES = [(3, 2), (2,), (4,)]


def make(dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [nn.Parameter(rng.normal(size=shape).astype(dtype)) for shape in shapes]


def gradients(steps=5):
    rng = np.random.default_rng(1)
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(steps)]


# ---- the update equations, each for one parameter: written as generators of the new value


def sgd(w, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    b = np.zeros_like(w)
    while True:
        g = yield w
        g = g + weight_decay * w
        b = momentum * b + g
        w = w - lr * (g + momentum * b if nesterov else b)


def adam(w, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    while True:
        g = yield w
        t += 1
        if decoupled:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        w = w - lr * m_hat / (np.sqrt(v_hat) + eps)


def adamw(w, **options):
    return adam(w, **{"weight_decay": 1e-2, **options}, decoupled=True)


def rmsprop(w, lr, alpha=0.99, eps=1e-8, momentum=0.0, weight_decay=0.0):
    v, b = np.zeros_like(w), np.zeros_like(w)
    while True:
        g = yield w
        g = g + weight_decay * w
        v = alpha * v + (1 - alpha) * g**2
        b = momentum * b + g / (np.sqrt(v) + eps)
        w = w - lr * b


CASES = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.3}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
    (optim.Adam, adam, {"lr": 0.01}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-2, "weight_decay": 0.3}),
    (optim.AdamW, adamw, {"lr": 0.1}),
    (optim.AdamW, adamw, {"lr": 0.1, "betas": (0.0, 0.8), "weight_decay": 0.3}),
    (optim.RMSprop, rmsprop, {"lr": 0.01}),
    (optim.RMSprop, rmsprop, {"lr": 0.1, "alpha": 0.5, "eps": 1e-2, "weight_decay": 0.3}),
    (optim.RMSprop, rmsprop, {"lr": 0.01, "momentum": 0.9}),
]


@pytest.mark.parametrize(("optimizer", "equation", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_updates_follow_their_equations(optimizer, equation, options, dtype):
    parameters = make(dtype)
    rules = [equation(p.data.astype(float), **options) for p in parameters]
    for rule in rules:
        next(rule)
    opt = optimizer(parameters, **options)
    for step in gradients():
        for p, g in zip(parameters, step, strict=True):
            p.grad = Tensor(g, dtype=dtype)
        opt.step()
        for p, g, rule in zip(parameters, step, rules, strict=True):
            assert p.dtype == dtype
            tolerance = 1e-12 if dtype == np.float64 else 2e-5
            np.testing.assert_allclose(p.data, rule.send(g), rtol=tolerance, atol=tolerance)
            np.testing.assert_array_equal(p.grad.data, g.astype(dtype))  # not scratch memory


@pytest.mark.parametrize(("optimizer", "equation", "options"), CASES)
def test_a_parameter_without_a_gradient_waits(optimizer, equation, options):
    """Each parameter counts its own updates, so a late one starts like a new one."""
    parameters = make()
    rules = [equation(p.data, **options) for p in parameters]
    expected = [next(rule) for rule in rules]
    opt = optimizer(parameters, **options)
    for number, step in enumerate(gradients()):
        for k, (p, g, rule) in enumerate(zip(parameters, step, rules, strict=True)):
            active = (number + k) % 3 != 0
            p.grad = Tensor(g) if active else None
            if active:
                expected[k] = rule.send(g)
        opt.step()
        for p, w in zip(parameters, expected, strict=True):
            np.testing.assert_allclose(p.data, w, rtol=1e-12)


@pytest.mark.parametrize(("optimizer", "equation", "options"), CASES)
def test_continuing_from_a_saved_state_is_bit_identical(optimizer, equation, options):
    def run(parameters, opt, steps):
        for step in steps:
            for p, g in zip(parameters, step, strict=True):
                p.grad = Tensor(g, dtype=p.dtype)
            opt.step()

    whole = make(np.float32)
    run(whole, optimizer(whole, **options), gradients())

    first = make(np.float32)
    opt = optimizer(first, **options)
    run(first, opt, gradients()[:2])
    opt.lr *= 1
    state = opt.state_dict()
    second = [nn.Parameter(p.data) for p in first]
    run(first, opt, gradients()[2:])  # the saved state must be a copy
    resumed = optimizer(second, **{**options, "lr": 123})
    resumed.load_state_dict(state)
    assert resumed.lr == opt.lr
    run(second, resumed, gradients()[2:])
    for a, b, c in zip(whole, first, second, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        np.testing.assert_array_equal(a.data, c.data)


def test_state_is_flat_and_made_of_arrays():
    state = optim.Adam([*make(np.float32), *make(np.float64)]).state_dict()
    assert {key: np.shape(value) for key, value in state.items()} == {
        "lr": (),
        "float32.steps": (3,),
        "float32.exp_sum": (12,),
        "float32.exp_sum_sq": (12,),
        "float64.steps": (3,),
        "float64.exp_sum": (12,),
        "float64.exp_sum_sq": (12,),
    }


def test_a_state_of_another_optimizer_is_refused():
    with pytest.raises(ModelError, match=r"does not fit this Adam.*momentum_buffer"):
        optim.Adam(make()).load_state_dict(optim.SGD(make(), 0.1, momentum=0.9).state_dict())
    with pytest.raises(ModelError, match="does not fit this Adam"):
        optim.Adam(make()).load_state_dict(optim.Adam(make()[:2]).state_dict())


# ---- the flat buffer


def test_parameters_become_views_of_one_array_with_their_values():
    parameters = make()
    before = [p.data.copy() for p in parameters]
    optim.Adam(parameters)
    bases = {id(p.data.base) for p in parameters}
    assert len(bases) == 1
    np.testing.assert_array_equal(
        parameters[0].data.base, np.concatenate([b.ravel() for b in before])
    )


def test_each_dtype_has_its_own_array():
    parameters = [*make(np.float32), *make(np.float64)]
    opt = optim.SGD(parameters, 0.5)
    for p in parameters:
        p.grad = Tensor(np.ones(p.shape), dtype=p.dtype)
    before = [p.data - 0.5 for p in parameters]
    opt.step()
    for p, w in zip(parameters, before, strict=True):
        assert p.dtype == w.dtype
        np.testing.assert_array_equal(p.data, w)


def test_replaced_data_is_taken_in_again():
    parameters = make()
    opt = optim.SGD(parameters, 1.0)
    replacement = np.full((2,), 5.0)
    parameters[1].data = replacement
    parameters[1].grad = Tensor([1.0, 2.0])
    opt.step()
    np.testing.assert_array_equal(parameters[1].data, [4, 3])
    np.testing.assert_array_equal(replacement, [5, 5])
    assert parameters[1].data.base is parameters[0].data.base


def test_two_optimizers_may_share_a_parameter():
    (p,) = make(shapes=[(2,)])
    start = p.data.copy()
    first, second = optim.SGD([p], 1.0), optim.SGD([p], 0.5)
    for opt in (first, second, first):
        p.grad = Tensor([1.0, 2.0])
        opt.step()
    np.testing.assert_allclose(p.data, start - 2.5 * np.array([1, 2]))


def test_parameters_that_changed_shape_or_dtype_are_refused():
    parameters = make()
    before = parameters[0].data.copy()
    opt = optim.SGD(parameters, 1.0)
    parameters[0].grad = Tensor(np.ones((3, 2)))
    parameters[2].data = np.ones(5)
    with pytest.raises(ShapeError, match=r"was \(4,\) float64 .* is \(5,\) float64 now"):
        opt.step()
    np.testing.assert_array_equal(parameters[0].data, before)
    parameters[2].data = np.ones(4, np.float32)
    with pytest.raises(ShapeError, match="float32 now"):
        opt.step()


def test_a_gradient_of_another_shape_is_not_broadcast():
    parameters = make()
    opt = optim.SGD(parameters, 1.0)
    parameters[0].grad = Tensor(np.ones(2))
    with pytest.raises(ShapeError, match=r"has shape \(2,\), not \(3, 2\)"):
        opt.step()


def test_a_step_between_forward_and_backward_is_noticed():
    model = nn.Linear(2, 2)
    opt = optim.SGD(model.parameters(), 0.1)
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    loss = model(x).sum()
    loss.backward(retain_graph=True)
    opt.step()
    with pytest.raises(GradientError, match=r"SGD\.step\(\)"):
        loss.backward()


def test_a_trained_model_can_be_copied_and_loaded_while_the_optimizer_runs():
    model = nn.Linear(2, 1)
    opt = optim.SGD(model.parameters(), 0.1)
    twin = copy.deepcopy(model)
    saved = model.state_dict()

    def step():
        opt.zero_grad()
        model(np.ones((1, 2), np.float32)).sum().backward()
        opt.step()

    step()
    assert not np.array_equal(model.weight.data, twin.weight.data)
    trained = model.state_dict()
    model.load_state_dict(saved)
    step()
    np.testing.assert_array_equal(model.weight.data, trained["weight"])
    np.testing.assert_array_equal(twin.weight.data, saved["weight"])


def test_zero_grad_forgets_all_gradients():
    parameters = make()
    for p in parameters:
        p.grad = Tensor(np.ones(p.shape))
    optim.SGD(parameters, 0.1).zero_grad()
    assert all(p.grad is None for p in parameters)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: optim.SGD(p, 0.1, momentum=0.9),
        lambda p: optim.Adam(p, 0.05),
        lambda p: optim.AdamW(p, 0.05),
        lambda p: optim.RMSprop(p, 0.02),
    ],
)
def test_each_learns_a_line_from_a_seed(optimizer):
    manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [-2.0], [0.5]], np.float32) + 0.3
    model = nn.Linear(3, 1)
    opt = optimizer(model.parameters())
    for _ in range(300):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        opt.step()
    assert loss.item() < 1e-3


# ---- what cannot be optimised


def test_wrong_parameters():
    p = nn.Parameter([1.0], name="w")
    with pytest.raises(ModelError, match="no parameters"):
        optim.Adam([])
    with pytest.raises(ModelError, match=r"parameter w \(1,\) \(number 1\) twice"):
        optim.Adam([p, p])
    with pytest.raises(ModelError, match="number 1 is a Tensor"):
        optim.Adam([p, Tensor([1.0], requires_grad=True)])
    with pytest.raises(ModelError, match=r"list of parameters, e\.g\. model\.parameters"):
        optim.Adam(p)
    with pytest.raises(ModelError, match=r"list of parameters"):
        optim.Adam(nn.Linear(1, 1))
    with pytest.raises(ModelError, match="holds int64, not floats"):
        optim.Adam([nn.Parameter([1, 2], requires_grad=False)])


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda p: optim.SGD(p, -0.1), r"lr must be in \[0, inf\); got -0.1"),
        (lambda p: optim.SGD(p, math.nan), "lr must be"),
        (lambda p: optim.SGD(p, 0.1, momentum=1), r"momentum must be in \[0, 1\); got 1"),
        (lambda p: optim.SGD(p, 0.1, nesterov=True), "needs a momentum"),
        (lambda p: optim.SGD(p, 0.1, weight_decay=-1), "weight_decay"),
        (lambda p: optim.Adam(p, betas=(0.9, 1.0)), r"betas\[1\]"),
        (lambda p: optim.Adam(p, eps=-1), "eps"),
        (lambda p: optim.RMSprop(p, alpha=1), "alpha"),
    ],
)
def test_wrong_settings(make_it, message):
    with pytest.raises(ModelError, match=message):
        make_it(make())


def test_lr_may_be_any_kind_of_number_and_widens_nothing():
    parameters = make(np.float32)
    opt = optim.Adam(parameters)
    opt.lr = np.float64(0.5)
    assert type(opt.lr) is float
    with pytest.raises(ModelError, match="lr must be"):
        opt.lr = -1


# ---- clipping


def test_clip_grad_norm_scales_all_by_one_factor():
    parameters = make()
    parameters[1].grad = Tensor([3.0, 0.0])
    parameters[2].grad = Tensor([0.0, 4.0, 0.0, 0.0])
    assert optim.clip_grad_norm_(parameters, 10.0) == 5
    np.testing.assert_array_equal(parameters[1].grad.data, [3, 0])
    assert optim.clip_grad_norm_(iter(parameters), 1.0) == 5
    np.testing.assert_allclose(parameters[1].grad.data, [0.6, 0])
    np.testing.assert_allclose(parameters[2].grad.data, [0, 0.8, 0, 0])
    assert parameters[0].grad is None


def test_clip_grad_norm_does_not_overflow_in_float32():
    p = nn.Parameter(np.zeros(2, np.float32))
    p.grad = Tensor(np.array([3e30, 4e30], np.float32))
    assert optim.clip_grad_norm_([p], 5.0) == pytest.approx(5e30)
    np.testing.assert_allclose(p.grad.data, [3, 4], rtol=1e-6)
    assert p.grad.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_grad_norm_names_the_parameter_that_is_not_finite(bad):
    good, p = make(shapes=[(1,), (2,)])
    good.grad, p.grad, p.name = Tensor([1.0]), Tensor([1.0, bad]), "code.weight"
    with pytest.raises(NonFiniteError, match=r"gradient of code\.weight \(2,\) is not finite"):
        optim.clip_grad_norm_([good, p], 1.0)
    assert good.grad.item() == 1


def test_clip_grad_value_limits_each_element():
    (p,) = make(shapes=[(3,)])
    p.grad = Tensor([-3.0, 0.5, 2.0])
    optim.clip_grad_value_([p], 1.0)
    np.testing.assert_array_equal(p.grad.data, [-1, 0.5, 1])
    with pytest.raises(ModelError, match="clip_value"):
        optim.clip_grad_value_([p], -1)


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.AdamW, optim.RMSprop])
@pytest.mark.parametrize("eps", [0.0, -1e-8, math.nan, math.inf])
def test_eps_is_positive(optimizer, eps):
    with pytest.raises(ModelError, match="eps must be greater than 0"):
        optimizer(make(), eps=eps)


def test_a_step_without_gradients_overwrites_nothing():
    (w, *_) = parameters = make()
    opt = optim.SGD(parameters, 0.1)
    y = (w * w).sum()
    opt.step()
    y.backward()  # what forward saved is as it was
    np.testing.assert_array_equal(w.grad.data, 2 * w.data)


def test_parameters_that_share_memory_are_refused():
    w, other = nn.Parameter(np.ones((3, 2))), nn.Parameter(np.ones(2))
    tied = nn.Parameter(np.ones((2, 3)))
    tied.data = w.data.T
    with pytest.raises(
        ModelError, match=r"\(3, 2\) \(number 0\) and .*\(2, 3\) \(number 2\) share"
    ):
        optim.SGD([w, other, tied], 0.1)
    optim.SGD([w, other], 0.1)
    optim.SGD([w, other], 0.1)  # views of one buffer, but of different parts of it


def test_the_state_is_named_for_what_it_holds():
    (w,) = make(shapes=[(2,)])
    opt = optim.Adam([w], betas=(0.5, 0.75))
    for g in ([1.0, 2.0], [3.0, 4.0]):
        w.grad = Tensor(g)
        opt.step()
    state = opt.state_dict()
    np.testing.assert_array_equal(state["float64.exp_sum"], [0.5 * 1 + 3, 0.5 * 2 + 4])
    np.testing.assert_array_equal(state["float64.exp_sum_sq"], [0.75 * 1 + 9, 0.75 * 4 + 16])


def test_the_update_can_be_read():
    optimizer = optim.SGD(make(), lr=0.1, momentum=0.9, weight_decay=0.1)
    assert optimizer.equations == (
        "d = g + weight_decay * w",
        "momentum_buffer = momentum * momentum_buffer + d",
        "w = w - lr * momentum_buffer",
    )
