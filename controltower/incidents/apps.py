"""Listens to the bell, so that dead letters appear the moment something is stuck."""

from __future__ import annotations

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """The incidents room."""

    name = "controltower.incidents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the bell."""
        from controltower.incidents import acts, letters
        from controltower.transactions.bell import rung

        rung.connect(letters.on_bell, dispatch_uid="incidents.letters")
        rung.connect(acts.on_bell, dispatch_uid="incidents.runs")
