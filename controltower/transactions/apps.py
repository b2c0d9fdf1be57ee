"""The spine."""

from __future__ import annotations

from django.apps import AppConfig


class Transactions(AppConfig):
    """The room of transactions."""

    name = "controltower.transactions"

    def ready(self) -> None:
        """Say what may be agreed upon here, and what follows from it."""
        from controltower.firm import companies, dated_rates, governing
        from controltower.firm.rights import Right
        from controltower.mappings import describing, versions
        from controltower.transactions import (
            agreed_companies,
            agreed_rates,
            agreed_routes,
            agreed_templates,
            awaited_mappings,
        )

        governing.KINDS[companies.KIND] = governing.Kind(agreed_companies.check, companies.apply)
        governing.KINDS[dated_rates.KIND] = governing.Kind(
            agreed_rates.check, dated_rates.apply, Right.SET_RATES
        )
        governing.KINDS[agreed_routes.KIND] = governing.Kind(
            agreed_routes.check, agreed_routes.apply
        )
        governing.KINDS[agreed_templates.KIND] = governing.Kind(agreed_templates.check)
        describing.FOLLOWS.append(agreed_routes.release)
        versions.FOLLOWS.append(awaited_mappings.release)
