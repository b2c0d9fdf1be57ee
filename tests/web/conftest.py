"""Pages in tests name their static files plainly: hashed names need a collected manifest."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"


@pytest.fixture(autouse=True)
def _plain_static_names(settings: Settings) -> None:
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}
