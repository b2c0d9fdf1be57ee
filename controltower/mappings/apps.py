"""How records are mapped."""

from __future__ import annotations

from django.apps import AppConfig


class Mappings(AppConfig):
    """The room of mappings."""

    name = "controltower.mappings"

    def ready(self) -> None:
        """Say what may be agreed upon here."""
        from controltower.firm import governing
        from controltower.firm.rights import Right
        from controltower.mappings import owning

        governing.KINDS[owning.KIND] = governing.Kind(owning.check, owning.apply, Right.NAME_OWNERS)
