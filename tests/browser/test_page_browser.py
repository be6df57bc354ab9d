"""The page in headless Chromium: loaded from a file, driven by keys and mouse, read off the screen."""

import json
import re
import time

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tinygrad_ae import Graph, Tensor, grad, manual_seed
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.show import page


@pytest.fixture(scope="module")
def loss():
    manual_seed(0)
    model = Autoencoder(inputs=784, hidden=(12,), latent=3)
    x = np.random.default_rng(0).random((4, 784), np.float32)
    loss = model.loss(Tensor(x, name="x"))
    loss_model[loss.node] = model  # parameters live as long as their model does
    return loss


loss_model = {}


@pytest.fixture(scope="module")
def path(loss, tmp_path_factory):
    return page(loss, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def shown(browser, path):
    """The page, freshly loaded."""
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())
    return browser


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector).text


def now(browser):
    return text(browser, "#now")


def card(browser, title):
    """The first card whose title or equation is this."""
    for element in browser.find_elements(By.CSS_SELECTOR, ".card"):
        if title in (element.accessible_name.partition(",")[0], element.accessible_name):
            return element
    raise AssertionError(f"no card {title!r}")


def choose(browser, title):
    """Click on a card, after the view has moved to it as it does for the keyboard."""
    element = card(browser, title)
    browser.execute_script("arguments[0].focus()", element)
    element.click()


def figures(browser, what):
    """The figures of a value or gradient in the panel."""
    rows = browser.execute_script(
        "return [...document.querySelectorAll(`[data-figures=${arguments[0]}] dd`)]"
        ".map(e => [e.dataset.what, e.textContent])", what)  # fmt: skip
    return {name: number(shown) for name, shown in rows}


def number(shown):
    return float(shown.replace("−", "-"))


def whole(browser, what):
    shown = text(browser, f"[data-whole={what}]")
    return np.array([number(n) for n in shown.split()])


def is_shown(browser, element):
    return browser.execute_script("return arguments[0].offsetParent !== null", element)


def contrast(a, b):
    def luminance(rgb):
        parts = [c / 255 for c in rgb]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_it_loads_from_a_file_without_network_or_errors(shown, path):
    assert shown.title == "Autoencoder"
    press(shown, Keys.HOME, *[Keys.ARROW_RIGHT] * 30)
    time.sleep(0.3)
    messages = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    asked = {
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert shown.get_log("browser") == []


def test_the_numbers_it_shows_are_those_of_the_tensors(shown, loss):
    model = loss_model[loss.node]
    graph, values = Graph.of(loss), Graph.of(loss).values()
    hidden = next(n for n in graph.op("relu"))
    choose(shown, "relu: h₁ = max(0")
    measured, known = figures(shown, "value"), values[hidden]
    assert measured["mean"] == pytest.approx(known.mean(), rel=1e-4)
    assert measured["min"] == pytest.approx(known.min(), rel=1e-4)
    assert measured["max"] == pytest.approx(known.max(), rel=1e-4)

    parameters = list(model.parameters())
    gradients = grad(loss, parameters, retain_graph=True)
    names = ["W₁", "b₁", "W₂", "b₂", "W₃", "b₃", "W₄", "b₄"]
    for name, parameter, g in zip(names, parameters, gradients, strict=True):
        choose(shown, f"parameter {name}")
        for what, array in (("value", parameter.data), ("gradient", g.data)):
            if array.size <= 64:
                assert whole(shown, what) == pytest.approx(array.ravel(), rel=1e-4, abs=1e-30)
            figure = figures(shown, what)
            assert figure["min"] == pytest.approx(array.min(), rel=1e-5)
            assert figure["max"] == pytest.approx(array.max(), rel=1e-5)
            rms = np.sqrt(np.mean(np.square(array, dtype=float)))
            assert figure["rms"] == pytest.approx(rms, rel=1e-5)
    choose(shown, "mean: L = mean(v₂)")
    assert whole(shown, "value") == pytest.approx([loss.item()], rel=1e-4)


def test_steps_forward_and_backward_fill_the_numbers_in(shown, loss):
    forward = sum(node.op is not None for node in Graph.of(loss))
    press(shown, Keys.HOME)
    assert now(shown).startswith("Start.")
    relu = card(shown, "relu: h₁ = max(0")
    assert "not computed yet" in relu.accessible_name
    press(shown, Keys.ARROW_RIGHT)
    assert now(shown).startswith(f"Forward 1 of {forward}, linear: a₁ = x W₁ᵀ + b₁; mean ")
    assert "not computed yet" in relu.accessible_name
    press(shown, Keys.ARROW_RIGHT)
    assert now(shown).startswith(f"Forward 2 of {forward}, relu: h₁ = max(0, a₁)")
    assert re.search(r"value mean [\d.]+$", relu.accessible_name)
    assert "active" in relu.get_attribute("class")
    press(shown, Keys.ARROW_LEFT)
    assert "not computed yet" in relu.accessible_name

    press(shown, *[Keys.ARROW_RIGHT] * forward)  # to the seed of the backward pass
    assert re.match(r"Backward 1 of \d+, start: ∂L/∂L = 1$", now(shown))
    assert "gradient" not in relu.accessible_name
    press(shown, *[Keys.ARROW_RIGHT] * 4)
    assert ", through sigmoid: ∂L/∂a₄ = δ ⊙ x̂ ⊙ (1 − x̂) (rms " in now(shown)
    assert now(shown).endswith("where δ = ∂L/∂x̂")
    press(shown, Keys.ARROW_RIGHT)
    assert "∂L/∂W₄ = δᵀ h₃" in now(shown)
    assert "gradient rms" in card(shown, "parameter W₄").accessible_name
    assert "gradient" not in card(shown, "parameter W₁").accessible_name
    press(shown, Keys.END)
    assert "gradient rms" in card(shown, "parameter W₁").accessible_name
    assert now(shown).startswith("The end:")


def test_it_plays_and_pauses(shown):
    shown.find_element(By.CSS_SELECTOR, "#speed option[value='4']").click()
    play = shown.find_element(By.ID, "play")
    play.click()
    assert play.accessible_name == "Pause"
    until(lambda: now(shown).startswith("Forward 3"))
    play.click()
    assert play.accessible_name == "Play"
    position = shown.find_element(By.ID, "position")
    at = position.get_property("value")
    time.sleep(0.5)
    assert position.get_property("value") == at


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_modules_collapse_and_expand(shown):
    inside, outside = card(shown, "relu: h₁ = max(0"), card(shown, "sub: v₁ = x̂ − x")
    toggle = shown.find_element(By.CSS_SELECTOR, "[data-path=encoder] > button")
    before = shown.execute_script("return document.getElementById('world').offsetHeight")
    assert (is_shown(shown, inside), toggle.get_attribute("aria-expanded")) == (True, "true")
    toggle.click()
    assert (is_shown(shown, inside), toggle.get_attribute("aria-expanded")) == (False, "false")
    assert is_shown(shown, outside)
    assert "3 operations · 9,459 parameters · → (4, 3)" in text(shown, "[data-path=encoder]")
    after = shown.execute_script("return document.getElementById('world').offsetHeight")
    assert after < before - 300  # what follows has moved up
    toggle.send_keys(Keys.ENTER)
    assert is_shown(shown, inside)

    shown.find_element(By.ID, "fold").click()
    cards = shown.find_elements(By.CSS_SELECTOR, ".card")
    assert sum(is_shown(shown, c) for c in cards) == 4  # x, sub, square, mean
    press(shown, Keys.HOME, Keys.ARROW_RIGHT)  # steps go on inside a closed module
    assert now(shown).startswith("Forward 1")
    shown.find_element(By.ID, "unfold").click()
    assert all(is_shown(shown, c) for c in cards)


def test_arrows_end_at_their_cards(shown):
    """Every arrow that is shown starts and ends at an edge of what it joins."""
    script = """
      return [...document.querySelectorAll('#arrows > path')].filter(p => p.style.display !== 'none')
        .map(p => { const l = p.getTotalLength(), a = p.getPointAtLength(0), b = p.getPointAtLength(l);
                    return [a.x, a.y, b.x, b.y]; })
    """
    boxes = """
      return [...document.querySelectorAll('.card, .frame.collapsed')].filter(c => c.offsetParent)
        .map(c => [c.offsetLeft, c.offsetTop, c.offsetLeft + c.offsetWidth, c.offsetTop + c.offsetHeight])
    """
    for fold in (None, "[data-path=encoder] > button", "[data-path=decoder] > button"):
        if fold:
            shown.find_element(By.CSS_SELECTOR, fold).click()
        placed = np.array(shown.execute_script(boxes))
        ends = np.array(shown.execute_script(script)).reshape(-1, 2)
        assert len(ends) >= 10
        for x, y in ends:
            outside = np.maximum(placed[:, :2] - [x, y], [x, y] - placed[:, 2:]).max(axis=1)
            assert np.abs(outside).min() < 3, f"an arrow ends in the open at {x}, {y}"


def test_search_finds_by_operation_name_module_and_shape(shown):
    press(shown, "/")
    query = shown.switch_to.active_element
    assert query.get_attribute("id") == "query"
    expected = {
        "relu encoder": 1, "linear": 4, "sigmoid": 1, "(12, 784)": 1, "encoder.2": 3, "nosuch": 0,
    }  # fmt: skip
    for words, count in expected.items():
        query.clear()
        query.send_keys(words)
        assert len(shown.find_elements(By.CSS_SELECTOR, ".card.match")) == count, words
    assert text(shown, "#found") == "nothing found"
    shown.find_element(By.ID, "fold").click()
    query.clear()
    query.send_keys("relu", Keys.ENTER, Keys.ENTER)
    assert text(shown, "#found") == "2 of 2"
    assert is_shown(shown, card(shown, "relu: h₃ = max(0"))  # its module was opened
    assert "h₃ = max(0, a₃)" in text(shown, "#details")
    query.send_keys(Keys.ESCAPE)
    assert not shown.find_elements(By.CSS_SELECTOR, ".card.match")


def test_pan_and_zoom_by_wheel_drag_buttons_and_keys(shown):
    def view():
        t = shown.execute_script(
            "return new DOMMatrix(getComputedStyle(document.getElementById('world')).transform).toFloat64Array()"
        )
        values = list(t.values()) if isinstance(t, dict) else t
        return np.array([values[0], values[12], values[13]])

    stage = shown.find_element(By.ID, "stage")
    start = view()
    ActionChains(shown).scroll_from_origin(ScrollOrigin.from_element(stage), 0, -200).perform()
    assert view()[0] > start[0]
    press(shown, "0")
    fitted = view()
    size = shown.execute_script("return document.getElementById('world').offsetHeight")
    assert fitted[0] * size <= stage.size["height"]
    press(shown, "+")
    assert view()[0] > fitted[0]
    shown.find_element(By.ID, "smaller").click()
    assert view()[0] == pytest.approx(fitted[0])
    before = view()
    ActionChains(shown).move_to_element_with_offset(stage, -300, 0).click_and_hold().move_by_offset(
        40, 30
    ).release().perform()
    assert view()[1:] - before[1:] == pytest.approx([40, 30], abs=1)
    before = view()
    ActionChains(shown).key_down(Keys.SHIFT).send_keys(Keys.ARROW_DOWN).key_up(Keys.SHIFT).perform()
    assert view()[2] == before[2] - 80


def test_the_keyboard_reaches_every_card_and_says_what_it_is(shown):
    seen = []
    body = shown.find_element(By.TAG_NAME, "body")
    cards = shown.find_elements(By.CSS_SELECTOR, ".card")
    first = shown.find_element(By.CSS_SELECTOR, ".frame > button")
    shown.execute_script("arguments[0].focus()", first)
    for _ in range(len(cards) + 1):
        ActionChains(shown).send_keys(Keys.TAB).perform()
        focused = shown.switch_to.active_element
        if "card" in focused.get_attribute("class").split():
            seen.append(focused.accessible_name)
            box, stage = focused.rect, shown.find_element(By.ID, "stage").rect
            assert box["y"] >= stage["y"]
            assert box["y"] + box["height"] <= stage["y"] + stage["height"]
    assert len(seen) == len(cards)
    assert all(re.search(r"shape \(", name) for name in seen)
    assert "∂L/∂" in text(shown, "#details")
    live = shown.find_element(By.ID, "now")
    assert (live.get_attribute("aria-live"), live.aria_role) == ("polite", "status")
    for button in shown.find_elements(By.CSS_SELECTOR, "button, input, select"):
        assert button.accessible_name, button.get_attribute("outerHTML")[:80]
    assert body.get_attribute("lang") or shown.find_element(By.TAG_NAME, "html").get_attribute(
        "lang"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(shown, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    choose(shown, "relu: h₁ = max(0")
    pairs = shown.execute_script("""
      const solid = c => !/, 0\\)$|transparent/.test(c);
      const behind = e => { while (e) { const c = getComputedStyle(e).backgroundColor; if (solid(c)) return c; e = e.parentElement; }
                            return getComputedStyle(document.body).backgroundColor; };
      const found = new Map();
      for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (own && e.offsetParent) found.set(getComputedStyle(e).color + '|' + behind(e), e.textContent.slice(0, 40));
      }
      return [...found].map(([k, t]) => [...k.split('|'), t]);
    """)
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(pairs) > 8
    for color, background, sample in pairs:
        rgb = [[int(n) for n in re.findall(r"\d+", c)[:3]] for c in (color, background)]
        assert contrast(*rgb) >= 4.5, (sample, color, background)


def test_a_phone_has_room_for_everything(shown):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    shown.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    shown.refresh()
    overflow = shown.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    stage = shown.find_element(By.ID, "stage").rect
    buttons = [b.rect for b in shown.find_elements(By.CSS_SELECTOR, "header button, footer button")]
    shown.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert overflow[0] <= overflow[1]
    assert stage["height"] > 250
    assert all(b["x"] >= 0 and b["x"] + b["width"] <= 390 for b in buttons)


def test_two_uses_of_a_value_add_up(browser, tmp_path):
    a, b = (Tensor(v, requires_grad=True, name=n) for n, v in (("a", 2.0), ("b", 3.0)))
    y = a * b + b
    browser.get(page(y, tmp_path / "y.html").as_uri())
    press(browser, Keys.HOME, Keys.ARROW_RIGHT)
    assert now(browser) == "Forward 1 of 2, mul: v₁ = a ⊙ b = 2 ⊙ 3 = 6"
    press(browser, *[Keys.ARROW_RIGHT] * 3)
    choose(browser, "parameter b")
    assert "not complete yet" in text(browser, "#details")
    press(browser, Keys.END)
    assert "the sum of what comes back on each way" in text(browser, "#details")
    (total,) = grad(y, [b])
    assert whole(browser, "gradient") == [total.item()]


def test_a_page_without_numbers_steps_through_equations(browser, loss, tmp_path):
    browser.get(page(loss, tmp_path / "bare.html", values=False).as_uri())
    press(browser, Keys.HOME, Keys.ARROW_RIGHT)
    assert now(browser).endswith("linear: a₁ = x W₁ᵀ + b₁")
    assert not browser.find_elements(By.CSS_SELECTOR, ".numbers")
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
