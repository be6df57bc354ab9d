"""The same steps in other libraries, as their documentation would have them written."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import Any

import numpy as np

from .networks import Network, Step, layers, ours


class NotOffered(Exception):
    """This library has no such step."""


def contender(name: str, network: Network, threads: int) -> Step:
    """Return a contender's step.

    Raises:
        NotOffered: it has none for this network.
        ImportError: the library is not installed.
    """
    if name in ("eager", "numpy", "numba"):
        return ours(network, None if name == "eager" else "numba" if name == "numba" else "numpy")
    if name.startswith("torch"):
        return torch(network, threads, name)
    if name == "jax":
        return jax(network)
    if network.kind != "dense":
        raise NotOffered(f"{name}: written for dense networks only")
    return {"autograd": autograd, "mygrad": mygrad}[name](network)


def torch(network: Network, threads: int, how: str) -> Step:
    """PyTorch, with its fused Adam; as it is, compiled, or with channels last in memory."""
    t: Any = importlib.import_module("torch")
    t.set_num_threads(threads)
    t.manual_seed(0)
    functional = t.nn.functional
    modules = layers(network, t.nn)
    model = t.nn.Sequential(*modules)
    parameters = list(model.parameters())
    if network.kind == "vae":
        log_variance = t.nn.Linear(*network.widths[1:3])
        features, decoder = t.nn.Sequential(*modules[:2]), t.nn.Sequential(*modules[3:])
        parameters += log_variance.parameters()
    if how == "torch-nhwc":
        model = model.to(memory_format=t.channels_last)
    optimizer = t.optim.Adam(parameters, lr=1e-3, fused=True)
    x = t.from_numpy(network.data())
    x = x.contiguous(memory_format=t.channels_last) if how == "torch-nhwc" else x

    def loss_of(x: Any) -> Any:
        if network.kind != "vae":
            return ((model(x) - x) ** 2).mean()
        h = features(x)
        mu, s = modules[2](h), log_variance(h)
        z = mu + (0.5 * s).exp() * t.randn_like(mu)
        kl = 0.5 * (mu**2 + s.exp() - 1 - s).sum()
        bce = functional.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        return (bce + kl) / len(x)

    loss_of = t.compile(loss_of) if how == "torch-compile" else loss_of

    def step() -> None:
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def _weights(network: Network) -> Any:
    rng = np.random.default_rng(0)
    pairs = list(pairwise(network.widths))
    if network.kind == "vae":
        pairs.append((network.widths[1], network.widths[2]))
    return (
        [rng.normal(0, m**-0.5, (m, n)).astype(np.float32) for m, n in pairs],
        [np.zeros(n, np.float32) for _, n in pairs],
    )


def _chain(h: Any, w: Any, b: Any, between: Any, last: Any, code: int = -1) -> Any:
    for k, (wk, bk) in enumerate(zip(w, b, strict=True)):
        h = h @ wk + bk
        h = last(h) if k == len(w) - 1 else h if k == code else between(h)
    return h


def jax(network: Network) -> Step:
    """JAX, jitted as one function that owns its state."""
    if network.kind == "conv":
        raise NotOffered("jax: it has no convolution layers of its own")
    j: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    code = len(network.widths) // 2 - 1

    def loss_of(parameters: Any, x: Any, key: Any) -> Any:
        w, b = parameters
        if network.kind != "vae":
            return jnp.mean((_chain(x, w, b, j.nn.relu, j.nn.sigmoid, code) - x) ** 2)
        h = j.nn.relu(x @ w[0] + b[0])
        mu, s = h @ w[1] + b[1], h @ w[-1] + b[-1]
        z = mu + jnp.exp(0.5 * s) * j.random.normal(key, mu.shape)
        kl = 0.5 * jnp.sum(mu**2 + jnp.exp(s) - 1 - s)
        logits = _chain(z, w[2:-1], b[2:-1], j.nn.relu, lambda h: h)
        bce = jnp.sum(jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-abs(logits))))
        return (bce + kl) / len(x)

    def adam(state: Any, x: Any) -> Any:
        p, m, v, t, key = state
        key, noise = j.random.split(key)
        loss, g = j.value_and_grad(loss_of)(p, x, noise)
        t = t + 1
        m = j.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = j.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        a, c = 1e-3 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        p = j.tree.map(lambda p, m, v: p - a * m / (jnp.sqrt(v * c) + 1e-8), p, m, v)
        return (p, m, v, t, key), loss

    update = j.jit(adam, donate_argnums=0)
    p = j.tree.map(jnp.asarray, _weights(network))
    zeros = j.tree.map(jnp.zeros_like, p)
    state = (p, zeros, j.tree.map(jnp.copy, zeros), jnp.zeros((), "float32"), j.random.key(0))
    x = jnp.asarray(network.data())

    def step() -> None:
        nonlocal state
        state, loss = update(state, x)
        loss.block_until_ready()

    return step


def _adam(w: Any, gradients: Any, state: dict[str, Any]) -> None:
    """Adam in NumPy, in place, for libraries that have no optimiser."""
    state["t"] += 1
    a, c = 1e-3 / (1 - 0.9 ** state["t"]), 1 / (1 - 0.999 ** state["t"])
    for p, g, m, v in zip(w, gradients, state["m"], state["v"], strict=True):
        m += np.float32(0.1) * (g - m)
        v += np.float32(0.001) * (g * g - v)
        p -= np.float32(a) * m / (np.sqrt(np.float32(c) * v) + np.float32(1e-8))


def _fresh(w: Any) -> dict[str, Any]:
    return {"t": 0, "m": [np.zeros_like(p) for p in w], "v": [np.zeros_like(p) for p in w]}


def autograd(network: Network) -> Step:
    """HIPS autograd."""
    grad_of: Any = importlib.import_module("autograd").value_and_grad
    anp: Any = importlib.import_module("autograd.numpy")
    weights, biases = _weights(network)
    count, code = len(weights), len(weights) // 2 - 1
    w = [*weights, *biases]
    x, state = network.data(), _fresh(w)

    def loss_of(w: Any) -> Any:
        relu = lambda h: anp.maximum(h, 0)
        sigmoid = lambda h: 1 / (1 + anp.exp(-h))
        return anp.mean((_chain(x, w[:count], w[count:], relu, sigmoid, code) - x) ** 2)

    both = grad_of(loss_of)
    return lambda: _adam(w, both(w)[1], state)


def mygrad(network: Network) -> Step:
    """MyGrad."""
    mg: Any = importlib.import_module("mygrad")
    nnet: Any = importlib.import_module("mygrad.nnet.activations")
    weights, biases = _weights(network)
    count, code = len(weights), len(weights) // 2 - 1
    arrays = [*weights, *biases]
    x, state = network.data(), _fresh(arrays)

    def step() -> None:
        w = [mg.tensor(a, copy=False) for a in arrays]
        loss = mg.mean((_chain(x, w[:count], w[count:], nnet.relu, nnet.sigmoid, code) - x) ** 2)
        loss.backward()
        gradients = [t.grad for t in w]
        del w, loss
        _adam(arrays, gradients, state)

    return step
