"""The built site in headless Chromium, from files: every page, on a desk and on a phone.

`python docs/build.py` comes first; without a built site there is nothing to look at.
"""

import itertools
import json
import shutil
import time
from pathlib import Path

import pytest
from selenium import webdriver

BUILD = Path(__file__).parents[2] / "docs" / "_build"
SITE = BUILD / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.glob("**/*.html")
    if path.relative_to(SITE).parts[0] not in ("_modules", "_static")
    and path.name not in ("genindex.html", "py-modindex.html", "search.html")
)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
pytestmark = pytest.mark.skipif(not PAGES, reason="no site: python docs/build.py makes it")

LOOK = """
const beyond = element => {
  const box = element.getBoundingClientRect();
  if (box.right <= innerWidth + 1 || box.width === 0) return false;
  for (let up = element.parentElement; up; up = up.parentElement)
    if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX)) return false;
  return true;
};
const main = document.querySelector('article');
return {
  beyond: [...main.querySelectorAll('*')].filter(beyond).map(e => e.outerHTML.slice(0, 100)),
  silent: [...document.querySelectorAll('article img:not([alt]), article img[alt=""], ' +
           'article figure > svg:not([aria-label])')].map(e => e.outerHTML.slice(0, 100)),
  headings: [...main.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(e => +e.tagName[1]),
  pending: window.MathJax
    ? main.querySelectorAll('.math:not(:has(mjx-container))').length : 0,
  failed: [...main.querySelectorAll('mjx-merror')].map(e => e.textContent),
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.binary_location = shutil.which("chromium")
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    driver.set_script_timeout(300)
    yield driver
    driver.quit()


AUDIT = """
document.querySelectorAll('details').forEach(details => details.open = true);
const done = arguments[arguments.length - 1];
axe.run({exclude: ['mjx-container']}, {
  iframes: false, preload: false, resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(found => done(found.violations.flatMap(rule => rule.nodes.map(
  node => [rule.id, node.html.slice(0, 160), node.any.map(check => check.message).join()]))));
"""


def look(browser, page, width, theme="light"):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get((SITE / page).as_uri())
    deadline = time.monotonic() + 30
    seen = browser.execute_script(LOOK)
    while seen["pending"] and time.monotonic() < deadline:
        time.sleep(0.1)
        seen = browser.execute_script(LOOK)
    return seen


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_nothing_of_the_network_and_everybody_can_read_it(browser, page):
    browser.get_log("performance"), browser.get_log("browser")  # forget what was before
    axe = (BUILD / "axe" / "axe.min.js").read_text("utf-8")
    for width, theme in ((1280, "dark"), (390, "light")):
        seen = look(browser, page, width, theme)
        assert not seen["pending"], "mathematics that was not set"
        assert not seen["failed"]
        assert not seen["beyond"], f"wider than the window of {width} pixels"
        assert not seen["silent"], "pictures without words"
        levels = seen["headings"]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), levels
        # What axe-core looks for: contrast, names of links and pictures, landmarks, ...
        browser.execute_script(axe)
        assert browser.execute_async_script(AUDIT) == [], f"{width} pixels wide, {theme}"
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert [
        url for url in asked if not url.startswith(("file:", "data:", "blob:", "chrome:"))
    ] == []
    assert [entry["message"] for entry in browser.get_log("browser")] == []


FOCUS = """
const element = document.activeElement, style = getComputedStyle(element);
element.dataset.reached = 'yes';
return [element.outerHTML.slice(0, 120), element === document.body,
  element.tagName === 'IFRAME' || // which shows it inside
  (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'];
"""
MISSED = """
return [...document.querySelectorAll('article :is(a[href], button, summary, iframe, [tabindex="0"])')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !('reached' in e.dataset)).map(e => e.outerHTML.slice(0, 120));
"""


@pytest.mark.parametrize("page", ["index.html", "learn/04-the-computation-graph.html"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser, page):
    look(browser, page, 1280)
    tab = {"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    seen = []
    for _ in range(300):
        browser.execute_cdp_cmd("Input.dispatchKeyEvent", tab)
        html, is_body, visible = browser.execute_script(FOCUS)
        if is_body and seen:
            break
        seen.append(html)
        assert visible, html
    assert "Skip to content" in seen[0]
    assert browser.execute_script(MISSED) == []
