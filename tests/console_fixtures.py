"""The console tests' fixtures, for a module that names this one in `pytest_plugins`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.console_kit import Department, chromium, department


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    """Start Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """Return Chromium, without a page of the test before: each open page is a stream of its person's."""
    yield started
    for context in started.contexts:
        context.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Department]:
    """Return a department with a unit of two cameras."""
    with department(tmp_path_factory.mktemp("console")) as made:
        made.camera()
        yield made
