"""One PostgreSQL and one Valkey for the whole session, up before Django reads its settings.

pytest-django looks at ``DJANGO_SETTINGS_MODULE`` when it configures itself, which is after this
file: hence the name is set here, once the servers' addresses are known, and not in pyproject.toml.
"""

from __future__ import annotations

import gc
import os
import secrets
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import django

from tests.servers import serve_session, template

serve_session()
os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
os.environ["DJANGO_SETTINGS_MODULE"] = "controltower.settings"
django.setup()

from collections.abc import Iterator  # noqa: E402 - what follows needs Django set up

import pytest  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from hypothesis import HealthCheck  # noqa: E402
from hypothesis import settings as properties  # noqa: E402
from psycopg.pq import TransactionStatus  # noqa: E402
from pytest_django import DjangoDbBlocker  # noqa: E402

from controltower.measures import invariants  # noqa: E402
from controltower.transactions.models import InboundEvent, Transaction  # noqa: E402
from tests import drawing, emptying  # noqa: E402
from tests.factories import AGO, Firm, at_work, found  # noqa: E402
from tests.kept import kept  # noqa: E402

connection.settings_dict["TEST"]["TEMPLATE"] = template()
properties.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
properties.load_profile("patient")
"""A busy machine is no counter-example: how long an example takes says nothing of a property."""
settings.AUDIT_ANCHOR = Path(tempfile.gettempdir()) / f"ct-anchor-{os.getpid()}.log"
drawing.begin()
emptying.begin()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""Signing in is not what is slow in tests: the real hash costs a quarter of a second a person."""


def pytest_collection_finish() -> None:
    """What was imported stays: to look through it for garbage again and again took a seventh of
    the time of all tests. New garbage is still looked for, in larger pieces."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser last: its driver keeps an event loop running that others cannot share."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def invariants_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test has done with transactions, the invariants hold at its end, in the time of
    its firm: what is due on a day of its own is not overdue because that day has passed since. One
    that breaks some on purpose says which: `@pytest.mark.breaks("I4")`."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None:
        yield
        return
    request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
    settings.AUDIT_ANCHOR.unlink(missing_ok=True)
    began = time.monotonic()
    yield
    if connection.needs_rollback or _has_failed():
        return
    if InboundEvent.objects.exists() or Transaction.objects.exists():
        broken = request.node.get_closest_marker("breaks")
        firm = getattr(request.node, "funcargs", {}).get("firm")
        gone = timedelta(seconds=time.monotonic() - began)
        now = firm.now + gone if isinstance(firm, Firm) else timezone.now() - AGO
        found = invariants.breaches(now)
        assert set(found) == set(broken.args if broken else ()), found


@pytest.fixture(scope="module")
def founded(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The firm's people, systems and agreed mappings, and what the module lets it do then (with
    `pytest.mark.founded(then=…)`), once for the tests of a module."""
    marker = request.node.get_closest_marker("founded")
    with kept(django_db_blocker):
        firm = found()
        if marker is not None:
            marker.kwargs["then"](firm)
        yield


@pytest.fixture
def firm(founded: None, db: None) -> Firm:
    """The firm as it was founded, a little while ago."""
    return at_work()


def _has_failed() -> bool:
    """Whether the test ended in a database error, after which nothing can be asked."""
    status = connection.connection.info.transaction_status if connection.connection else None
    return status is TransactionStatus.INERROR
