"""The file that ``explore`` writes; what it does is held in tests/browser."""

import base64
import json
import re

import numpy as np
import pytest

from tinygrad_ae import manual_seed, nn
from tinygrad_ae.data import load
from tinygrad_ae.errors import UserError
from tinygrad_ae.evaluate import encode
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.uses.explore import explore


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def content(path):
    found = re.search(r'<script id="data"[^>]*>(.*?)</script>', path.read_text("utf-8"), re.S)
    return json.loads(found[1])


def test_the_page_holds_test_samples_and_the_map_of_their_codes(digits, tmp_path):
    manual_seed(0)
    model = Autoencoder(hidden=(8,), latent=3)
    data = content(explore(model, digits, tmp_path / "e.html"))
    packed = np.frombuffer(base64.b64decode(data["samples"]["text"]), np.uint8)
    x = packed.reshape(-1, 784).astype(np.float32) / 255
    np.testing.assert_allclose(x, digits.test.x[: len(x)], atol=1e-7)
    assert data["labels"] == digits.test.y[: len(x)].tolist()
    codes = encode(model, digits.test.x)
    np.testing.assert_allclose(data["mean"], codes.mean(0), rtol=1e-4, atol=1e-5)
    axes = np.array(data["axes"])
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-5)
    spread = (codes - codes.mean(0)) @ axes.T
    assert spread.var(0).sum() >= codes.var(0)[:2].sum() - 1e-6  # no two latents vary more


def test_samples_that_are_no_bytes_are_kept_as_floats(tmp_path):
    series = load(np.random.default_rng(0).random((40, 16)))
    data = content(explore(Autoencoder(16, (4,), 1), series, tmp_path / "e.html"))
    packed = np.frombuffer(base64.b64decode(data["samples"]["text"]), "<f4")
    np.testing.assert_array_equal(packed, series.test.x.ravel())
    assert data["labels"] is None
    assert data["shape"] == [16]


def test_another_kind_of_file_is_refused(digits, tmp_path):
    with pytest.raises(UserError, match=r"must end in \.html"):
        explore(Autoencoder(), digits, tmp_path / "e.pdf")


class Noisy(Autoencoder):
    def __init__(self):
        super().__init__(hidden=(), latent=2)
        self.encoder = nn.Sequential(self.encoder, AlwaysDropout())


class AlwaysDropout(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5, training=True)


def test_a_model_that_draws_is_refused_and_nothing_is_written(digits, tmp_path):
    with pytest.raises(UserError, match="draws random numbers"):
        explore(Noisy(), digits, tmp_path / "e.html")
    assert list(tmp_path.iterdir()) == []
