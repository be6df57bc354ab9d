"""The explore page in headless Chromium: its numbers are NumPy's, and everything answers."""

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tinygrad_ae import Tensor, manual_seed, models, nn, ops
from tinygrad_ae.data import load
from tinygrad_ae.evaluate import decode, encode
from tinygrad_ae.export import javascript
from tinygrad_ae.uses.explore import explore

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((2, 3, 7, 8)).astype(np.float32)
ROWS = RNG.standard_normal((3, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def ran(browser, function, *examples):
    """What the printed function gives in the browser."""
    text = javascript(f=(function, *examples))
    arrays = [np.asarray(x, float).ravel().tolist() for x in examples]
    script = f"{text}\nreturn [...model.f(...arguments[0].map(a => Float64Array.from(a)))];"
    return np.array(browser.execute_script(script, arrays))


FUNCTIONS = {
    "relu": ops.relu, "sigmoid": ops.sigmoid, "tanh": ops.tanh, "gelu": ops.gelu, "erf": ops.erf,
    "silu": ops.silu, "softplus": ops.softplus, "elu": ops.elu, "leaky_relu": ops.leaky_relu,
    "softmax": lambda t: ops.softmax(t, 0), "log_softmax": lambda t: ops.log_softmax(t, 1),
    "logsumexp": lambda t: ops.logsumexp(t, 0), "sum": lambda t: t.sum(0), "mean": lambda t: t.mean(),
    "var": lambda t: t.var(1), "std": lambda t: t.std(0), "max": lambda t: t.max(1),
    "min": lambda t: t.min(), "prod": lambda t: ops.prod(t, 0), "norm": lambda t: ops.norm(t, 1),
    "argmax": lambda t: ops.argmax(t, 0), "any": lambda t: ops.any(t > 1, 0),
    "slices": lambda t: t[1:, ::-1], "picks": lambda t: t[:, [2, 0]], "transpose": lambda t: t.T + 1,
    "pad": lambda t: ops.pad(t, ((1, 2), (0, 1))), "roll": lambda t: ops.roll(t, 1, 1),
    "concatenate": lambda t: ops.concatenate([t, t * 2], 1), "flip": lambda t: ops.flip(t, 0),
    "where": lambda t: ops.where(t > 0, t, 0.1), "int": lambda t: t.astype("int32") // 2,
    "round": lambda t: ops.round(t * 3), "power": lambda t: t**3, "mod": lambda t: t % 0.7,
    "broadcast": lambda t: t * t[0] - t[:, :1], "matmul": lambda t: t @ t.T,
    "batched": lambda t: ops.stack([t, t * 2]) @ t.T, "clip": lambda t: ops.clip(t, -0.5, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_gives_numpys_numbers(browser, name):
    wanted = FUNCTIONS[name](Tensor(ROWS)).numpy()
    np.testing.assert_allclose(
        ran(browser, FUNCTIONS[name], ROWS), np.ravel(wanted), atol=1e-5, rtol=1e-5
    )


LAYERS = {
    "strided": nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3),
    "dilated": nn.Conv2d(3, 5, (3, 2), dilation=2),
    "transposed": nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
    "max": nn.MaxPool2d(2),
    "average": nn.AvgPool2d(2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_numpys_numbers(browser, name):
    wanted = LAYERS[name](Tensor(IMAGES)).detach().numpy()
    np.testing.assert_allclose(ran(browser, LAYERS[name], IMAGES), wanted.ravel(), atol=1e-5)


AUTOENCODERS = {
    "autoencoder": lambda: models.Autoencoder(hidden=(64,)),
    "tied": lambda: models.Autoencoder(hidden=(32,), tied=True, activation="gelu"),
    "sparse": lambda: models.Sparse(),
    "convolutional": lambda: models.Convolutional(),
    "variational": lambda: models.Variational(hidden=(64,)),
}


@pytest.fixture(scope="module", params=AUTOENCODERS)
def page(request, digits, tmp_path_factory):
    manual_seed(0)
    model = AUTOENCODERS[request.param]()
    return model, explore(model, digits, tmp_path_factory.mktemp("explore") / "e.html")


def open_page(browser, path):
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())
    return browser


def test_encoder_and_decoder_give_numpys_numbers(browser, page, digits):
    model, path = page
    shown = open_page(browser, path)
    for x in digits.test.x[:3]:
        code = shown.execute_script(
            "return autoencoder.encode(Float32Array.from(arguments[0]))", x.tolist()
        )
        wanted = encode(model, x[None])[0]
        np.testing.assert_allclose(code, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))
        picture = shown.execute_script("return autoencoder.decode(arguments[0])", wanted.tolist())
        np.testing.assert_allclose(picture, decode(model, wanted[None])[0], atol=1e-5)


@pytest.fixture(scope="module")
def plain(digits, tmp_path_factory):
    manual_seed(0)
    model = models.Autoencoder(hidden=(32,), latent=4)
    return explore(model, digits, tmp_path_factory.mktemp("explore") / "plain.html")


@pytest.fixture
def shown(browser, plain):
    return open_page(browser, plain)


def pixels(browser, selector):
    return browser.execute_script(
        "return document.querySelector(arguments[0]).toDataURL()", selector
    )


def slider_values(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('#sliders input')].map(e => Number(e.value))"
    )


def test_nothing_is_asked_of_the_network_and_nothing_fails(shown):
    requests = [
        entry["message"]
        for entry in shown.get_log("performance")
        if "Network.requestWillBeSent" in entry["message"] and '"http' in entry["message"]
    ]
    assert requests == []
    assert shown.get_log("browser") == []


def test_dragging_over_the_map_moves_the_latents_and_the_picture(shown):
    before, picture = slider_values(shown), pixels(shown, "#decoded")
    canvas = shown.find_element(By.ID, "map")
    ActionChains(shown).move_to_element_with_offset(canvas, 40, 30).click_and_hold().move_by_offset(
        60, -40
    ).release().perform()
    assert slider_values(shown) != before
    assert pixels(shown, "#decoded") != picture


def test_the_arrow_keys_move_over_the_map_too(shown):
    before = slider_values(shown)
    shown.find_element(By.ID, "map").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert slider_values(shown) != before


def test_a_slider_moves_its_latent_alone(shown):
    before, picture = slider_values(shown), pixels(shown, "#decoded")
    shown.find_elements(By.CSS_SELECTOR, "#sliders input")[2].send_keys(Keys.HOME)
    after = slider_values(shown)
    assert [a != b for a, b in zip(after, before, strict=True)] == [False, False, True, False]
    assert pixels(shown, "#decoded") != picture


def test_what_is_drawn_is_encoded_and_reconstructed(shown):
    shown.find_element(By.ID, "clear").click()
    empty = pixels(shown, "#bars"), pixels(shown, "#restored")
    pad = shown.find_element(By.ID, "pad")
    ActionChains(shown).move_to_element(pad).click_and_hold().move_by_offset(
        30, 40
    ).release().perform()
    assert pixels(shown, "#bars") != empty[0]
    assert pixels(shown, "#restored") != empty[1]
    ink = shown.execute_script(
        "const c = document.getElementById('pad');"
        "return Math.max(...c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    )
    assert ink == 255


def test_noise_can_be_turned_up_and_off_again(shown):
    clean = pixels(shown, "#noisy")
    slider = shown.find_element(By.ID, "noise")
    slider.send_keys(Keys.END)
    assert shown.find_element(By.ID, "sigma").text == "1.00"
    noisy = pixels(shown, "#noisy")
    assert noisy != clean
    shown.find_element(By.ID, "again").click()
    assert pixels(shown, "#noisy") != noisy
    slider.send_keys(Keys.HOME)
    assert pixels(shown, "#noisy") == clean


def test_two_choices_become_the_ends_of_both_paths(shown):
    choices = shown.find_elements(By.CSS_SELECTOR, "#choices button")
    choices[5].click()
    choices[7].click()
    chosen = [b.find_element(By.TAG_NAME, "span").text for b in choices]
    assert (chosen[5], chosen[7], chosen.count("")) == ("A", "B", len(choices) - 2)
    faded = "#pixels figure:{}-child canvas"
    assert pixels(shown, faded.format("first")) == pixels(
        shown, "#choices button:nth-child(6) canvas"
    )
    assert pixels(shown, faded.format("last")) == pixels(
        shown, "#choices button:nth-child(8) canvas"
    )


def test_the_drawing_can_be_put_on_the_map(shown):
    before = slider_values(shown)
    for _ in range(3):
        shown.find_element(By.ID, "sample").click()
    shown.find_element(By.ID, "place").click()
    assert slider_values(shown) != before


def test_samples_that_are_no_pictures_are_curves(browser, tmp_path):
    wave = np.sin(np.linspace(0, 6, 32) + RNG.random((50, 1)) * 6) / 2 + 0.5
    shown = open_page(
        browser, explore(models.Autoencoder(32, (8,), 1), load(wave), tmp_path / "e.html")
    )
    assert "curve" in shown.find_element(By.ID, "decoded").get_attribute("class")
    before = pixels(shown, "#restored")
    shown.find_element(By.ID, "sample").click()
    assert pixels(shown, "#restored") != before
    assert shown.get_log("browser") == []


def test_a_signal_of_two_channels_is_two_curves_and_can_be_drawn(browser, tmp_path):
    signal = load(RNG.random((40, 24)), shape=(12, 1, 2))
    shown = open_page(
        browser, explore(models.Autoencoder(24, (4,), 2), signal, tmp_path / "e.html")
    )
    pad = shown.find_element(By.ID, "pad")
    assert "curve" in pad.get_attribute("class")
    assert pad.size["height"] < pad.size["width"]
    before = pixels(shown, "#pad")
    ActionChains(shown).move_to_element(pad).click_and_hold().move_by_offset(
        20, 5
    ).release().perform()
    assert pixels(shown, "#pad") != before
    assert shown.get_log("browser") == []
