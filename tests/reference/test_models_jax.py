"""Whole models against JAX in float64: losses, gradients and Hessian-vector products agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy.special import logsumexp

import tinygrad_ae as tg
from tinygrad_ae import nn, ops
from tinygrad_ae.nn import functional as F  # noqa: N812 - its usual name

jax.config.update("jax_enable_x64", True)
RNG = np.random.default_rng(3)


def draw(*shape):
    return RNG.standard_normal(shape) / np.sqrt(shape[-1])


def image(*shape):
    return RNG.uniform(0.05, 0.95, shape)


# ---- each model: parameters, our loss, JAX's loss

mlp = {
    "hidden": {"W": draw(7, 5), "b": draw(7)},
    "more": [{"W": draw(6, 7), "b": draw(6)}, {"W": draw(4, 6), "b": draw(4)}],
}
mlp_x, mlp_y = draw(8, 5), RNG.integers(0, 4, 8)


def mlp_ours(p):
    h = F.gelu(F.linear(mlp_x, p["hidden"]["W"], p["hidden"]["b"]))
    h = F.silu(F.linear(h, p["more"][0]["W"], p["more"][0]["b"]))
    return F.cross_entropy(F.linear(h, p["more"][1]["W"], p["more"][1]["b"]), mlp_y)


def mlp_jax(p):
    h = jax.nn.gelu(mlp_x @ p["hidden"]["W"].T + p["hidden"]["b"], approximate=False)
    h = jax.nn.silu(h @ p["more"][0]["W"].T + p["more"][0]["b"])
    z = h @ p["more"][1]["W"].T + p["more"][1]["b"]
    return jnp.mean(logsumexp(z, axis=1) - z[jnp.arange(8), mlp_y])


conv = {
    "first": draw(4, 1, 3, 3), "b": draw(4), "second": draw(6, 2, 3, 3), "back": draw(6, 2, 4, 4),
}  # fmt: skip
conv_x = image(3, 1, 8, 8)


def conv_ours(p):
    """Two convolutions (strided, then dilated in two groups), pooling, and a way back up."""
    h = F.tanh(ops.conv2d(conv_x, p["first"], p["b"], stride=2, padding=1))
    h = F.softplus(ops.conv2d(h, p["second"], padding=2, dilation=2, groups=2))
    h = ops.avg_pool2d(h, 2)
    h = ops.conv_transpose2d(h, p["back"], stride=2, padding=1)
    h = ops.upsample(h, scale_factor=2, mode="nearest")
    return F.mse_loss(F.sigmoid(h.sum(1, keepdims=True)), conv_x)


def conv_jax(p):
    def run(x, W, **settings):
        return lax.conv_general_dilated(x, W, **settings)

    h = run(conv_x, p["first"], window_strides=(2, 2), padding=[(1, 1), (1, 1)])
    h = jnp.tanh(h + p["b"][:, None, None])
    h = run(h, p["second"], window_strides=(1, 1), padding=[(2, 2), (2, 2)], rhs_dilation=(2, 2),
            feature_group_count=2)  # fmt: skip
    h = jax.nn.softplus(h)
    h = h.reshape(3, 6, 2, 2, 2, 2).mean((3, 5))
    flipped = jnp.swapaxes(p["back"], 0, 1)[:, :, ::-1, ::-1]
    h = run(h, flipped, window_strides=(1, 1), padding=[(2, 2), (2, 2)], lhs_dilation=(2, 2))
    h = jnp.repeat(jnp.repeat(h, 2, 2), 2, 3)
    return jnp.mean((jax.nn.sigmoid(h.sum(1, keepdims=True)) - conv_x) ** 2)


vae = {
    "enc": draw(10, 12), "mu": draw(3, 10), "logvar": draw(3, 10), "dec": draw(10, 3),
    "out": draw(12, 10), "b": draw(12),
}  # fmt: skip
vae_x, vae_noise = image(6, 12), RNG.standard_normal((6, 3))


def vae_ours(p):
    """Negative evidence lower bound of Kingma & Welling 2014, with the noise held fixed."""
    h = F.elu(vae_x @ p["enc"].T)
    mu, logvar = h @ p["mu"].T, h @ p["logvar"].T
    z = mu + ops.exp(0.5 * logvar) * vae_noise
    logits = F.linear(F.tanh(z @ p["dec"].T), p["out"], p["b"])
    rebuilt = F.binary_cross_entropy_with_logits(logits, vae_x, reduction="sum")
    divergence = 0.5 * (mu**2 + ops.exp(logvar) - logvar - 1).sum()
    return (rebuilt + divergence) / 6


def vae_jax(p):
    h = jax.nn.elu(vae_x @ p["enc"].T)
    mu, logvar = h @ p["mu"].T, h @ p["logvar"].T
    z = mu + jnp.exp(0.5 * logvar) * vae_noise
    logits = jnp.tanh(z @ p["dec"].T) @ p["out"].T + p["b"]
    chance = jax.nn.sigmoid(logits)
    rebuilt = -jnp.sum(vae_x * jnp.log(chance) + (1 - vae_x) * jnp.log(1 - chance))
    divergence = 0.5 * jnp.sum(mu**2 + jnp.exp(logvar) - logvar - 1)
    return (rebuilt + divergence) / 6


attention = {
    "q": draw(2, 8, 4), "k": draw(2, 8, 4), "v": draw(2, 8, 4), "out": draw(8, 8),
    "scale": 1 + draw(8), "shift": draw(8), "wide": draw(16, 8), "narrow": draw(8, 16),
}  # fmt: skip
attention_x = draw(2, 5, 8)


def attention_ours(p):
    """A pre-norm transformer block of two heads, looking back only."""
    x = F.layer_norm(attention_x, 8, p["scale"], p["shift"])
    q, k, v = (ops.einsum("ntc,hcd->nhtd", x, p[name]) for name in "qkv")
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(4)
    weights = F.softmax(np.where(np.tri(5, dtype=bool), scores, -np.inf))
    heads = np.moveaxis(weights @ v, 1, 2).reshape(2, 5, 8)
    y = attention_x + heads @ p["out"]
    y = y + F.gelu(F.layer_norm(y, 8) @ p["wide"].T, "tanh") @ p["narrow"].T
    return F.huber_loss(y, np.ones((2, 5, 8)), delta=0.7)


def attention_jax(p):
    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)

    x = norm(attention_x) * p["scale"] + p["shift"]
    q, k, v = (jnp.einsum("ntc,hcd->nhtd", x, p[name]) for name in "qkv")
    scores = jnp.einsum("nhtd,nhsd->nhts", q, k) / 2
    weights = jax.nn.softmax(jnp.where(jnp.tri(5, dtype=bool), scores, -jnp.inf), axis=-1)
    heads = jnp.einsum("nhts,nhsd->nthd", weights, v).reshape(2, 5, 8)
    y = attention_x + heads @ p["out"]
    y = y + jax.nn.gelu(norm(y) @ p["wide"].T, approximate=True) @ p["narrow"].T
    far = jnp.abs(y - 1)
    return jnp.mean(jnp.where(far < 0.7, 0.5 * far**2, 0.7 * (far - 0.35)))


MODELS = {
    "mlp": (mlp, mlp_ours, mlp_jax),
    "conv": (conv, conv_ours, conv_jax),
    "vae": (vae, vae_ours, vae_jax),
    "attention": (attention, attention_ours, attention_jax),
}


def agree(ours, theirs):
    """Compare two nests leaf by leaf, to 1e-10 of each leaf's largest magnitude."""
    found = jax.tree.map(lambda t: t.data, ours, is_leaf=lambda t: isinstance(t, tg.Tensor))
    mine, plan = jax.tree.flatten(found)
    wanted, their_plan = jax.tree.flatten(theirs)
    assert plan == their_plan
    for z, y in zip(mine, wanted, strict=True):
        assert z.dtype == np.float64
        size = max(1.0, float(jnp.abs(y).max()))
        np.testing.assert_allclose(z, y, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("name", MODELS)
def test_loss_gradient_and_hessian_product(name):
    parameters, ours, theirs = MODELS[name]
    direction = jax.tree.map(lambda x: RNG.standard_normal(x.shape), parameters)
    loss, gradient = tg.value_and_grad(ours)(parameters)
    their_loss, their_gradient = jax.jit(jax.value_and_grad(theirs))(parameters)
    agree(loss, their_loss)
    agree(gradient, their_gradient)
    assert all(float(jnp.abs(g).max()) > 1e-6 for g in jax.tree.leaves(their_gradient))
    product = tg.hvp(ours, (parameters,), (direction,))
    theirs_product = jax.jit(lambda p, v: jax.jvp(jax.grad(theirs), (p,), (v,))[1])
    agree(product, theirs_product(parameters, direction))


def test_modules_train_as_in_jax():
    """Twenty steps of gradient descent on a module's own parameters end at the same weights."""
    model = nn.Sequential(
        nn.Linear(5, 7, dtype=np.float64), nn.Tanh(), nn.Linear(7, 5, dtype=np.float64)
    )
    weights = [p.data.copy() for p in model.parameters()]
    step = jax.grad(
        lambda w: jnp.mean((jnp.tanh(mlp_x @ w[0].T + w[1]) @ w[2].T + w[3] - mlp_x) ** 2)
    )
    for _ in range(20):
        weights = [w - 0.1 * g for w, g in zip(weights, step(weights), strict=True)]
        model.zero_grad()
        F.mse_loss(model(mlp_x), mlp_x).backward()
        with tg.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
    agree(list(model.parameters()), weights)
