"""What is measured as every page is every page."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import URLPattern, resolve
from django.utils import timezone

from controltower import urls
from controltower.web import every_page
from controltower.web.demo.interfaces import own_interfaces
from controltower.web.demo.runbooks import agree_runbooks
from tests import factories

pytestmark = pytest.mark.django_db

NOT_LOOKED_AT = {
    "alive", "ready", "metrics",  # for programs
    "sign_in", "sign_out",  # before a person is known
    "language", "preferences", "tower_looked", "views", "columns",  # acts
    "transaction_impact",  # asks the target system
}  # fmt: skip
OF_NOTHING_YET = {"drift", "description"}
"""Pages of what a firm that was only filled does not have."""


def _is_looked_at(page: Callable[..., Any]) -> bool:
    """Whether it answers to GET: what `require_safe` and its like keep, down the decorators."""
    view: Callable[..., Any] | None = page
    while view is not None:
        kept = inspect.getclosurevars(view).nonlocals.get("request_method_list")
        if kept is not None:
            return "GET" in kept
        view = getattr(view, "__wrapped__", None)
    return False


def test_every_page_of_the_routes_is_measured() -> None:
    firm, now = factories.found(), timezone.now()
    own_interfaces(now)
    agree_runbooks(now)
    call_command("fill", 12_000, stdout=StringIO())
    pages = [*every_page.pages(firm.anna), *every_page.pages(firm.amara)]
    listed = {resolve(page.url.partition("?")[0]).url_name for page in pages}
    routes = {
        route.name
        for route in urls.urlpatterns
        if isinstance(route, URLPattern) and inspect.isfunction(route.callback)
        if _is_looked_at(route.callback)
    }
    assert len(routes) > 40
    assert routes - listed - NOT_LOOKED_AT - OF_NOTHING_YET == set()
    named = {str(getattr(route, "name", "")) for route in urls.urlpatterns}
    files = {name for name in named if name.endswith("_exports")}
    assert files - listed == {"mapping_trial_exports"}
    assert len({page.name for page in pages if not page.name.startswith("Manage")}) > 120
