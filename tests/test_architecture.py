"""What import-linter cannot see: the direction of foreign keys, who owns which word, and what every
process would carry for the few that need it."""

from __future__ import annotations

import subprocess
import sys

from django.apps import apps

ROOMS = ("firm", "systems", "mappings", "transactions", "incidents", "measures", "web")
"""From the ground up; a foreign key may only point down, or stay in its room."""


def test_foreign_keys_point_down() -> None:
    height = {f"controltower.{room}": place for place, room in enumerate(ROOMS)}
    upward = []
    for model in apps.get_models():
        here = height.get(model._meta.app_config.name if model._meta.app_config else "")
        for field in model._meta.get_fields():
            target = field.related_model if field.concrete and field.is_relation else None
            if here is None or not isinstance(target, type):
                continue
            there = height.get(apps.get_app_config(target._meta.app_label).name)
            if there is not None and there > here:
                upward.append(f"{model.__name__}.{field.name} → {target.__name__}")
    assert upward == []


def test_keys_across_rooms_leave_no_trace_below() -> None:
    """`related_name="+"` across rooms, so that a lower room never learns of a higher one."""
    traces = []
    ours = [model for model in apps.get_models() if model.__module__.startswith("controltower")]
    for model in ours:
        for relation in model._meta.related_objects:
            source = relation.related_model
            if not isinstance(source, type) or not source.__module__.startswith("controltower"):
                continue
            if source._meta.app_label != model._meta.app_label and not relation.hidden:
                traces.append(f"{source.__name__} is visible from {model.__name__}")
    assert traces == []


def test_what_one_connector_needs_is_no_load_for_all() -> None:
    """SSH and gRPC are megabytes in each of a dozen processes."""
    look = "import sys, integrations.catalogue; print(*{'asyncssh', 'grpc'} & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True
    )
    assert loaded.stdout.split() == []
