"""Chromium without a screen, one for the whole session."""

import shutil

import pytest
from selenium import webdriver

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-prefers-reduced-motion", "--window-size=1400,900",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=installed("chromedriver"))
    options.binary_location = installed("chromium")
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def installed(program):
    path = shutil.which(program)
    assert path, f"{program} is not installed: apt-get install chromium chromium-driver"
    return path
