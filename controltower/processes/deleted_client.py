"""A client that the CRM has deleted: merged into another one, or simply gone. Pure.

The CRM's people have said which of its records is left. Which customer of the ERP is left they
have not: where both have one, a data owner decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes.clients import Client
from controltower.processes.definition import Learn, Prepared, Refuse, Send, Skip

MERGED = "merged in the CRM"
"""Why two clients are taken for one, in words."""


def is_deleted(client: Client) -> bool:
    """Whether the CRM has deleted it; what was read before that was heard of does not say."""
    return bool(client.get("deleted"))


def left(client: Client) -> Client | None:
    """Whom the CRM keeps in place of a client that it has merged away, if anybody."""
    return next((one for one in client.get("line", ()) if not is_deleted(one)), None)


def undecided(client: Client) -> Client | None:
    """Who is left and is another customer in the ERP, so that it must be said which one stands."""
    other = left(client)
    return other if other and other["erp_code"] not in ("", client["erp_code"]) else None


def judge(client: Client, decided: Mapping[str, Any]) -> Prepared:
    """Whether what the ERPs have can be left to whoever the CRM keeps."""
    name, number, other = client["name"], client["erp_code"], left(client)
    if other is None:
        text = (
            f"{name} was deleted in the CRM, but the ERP has it as customer {number}, with all that"
            " was sold to it. Restore it from the CRM's recycle bin: this ends by itself. If it was"
            " meant to go, close the customer in the ERP and settle this."
        )
        return Refuse(Kind.CONFLICT, text, "deleted")
    if undecided(client) is None:
        return Learn({"merged_into": "", "into": None})
    word = decided.get(str(other["source_id"]))
    if word is None:
        text = (
            f"The CRM has merged {name} into {other['name']}, but the ERP has both, as customers"
            f" {number} and {other['erp_code']}. Decide under Customers whether {other['name']}"
            " speaks for both. Nothing is merged in the ERP by itself."
        )
        return Refuse(Kind.DUPLICATE, text, "erp_code")
    if word["survivor"] == other["source_id"]:
        return Learn({"merged_into": "", "into": None})
    text = (
        f"It was decided that {other['name']} does not speak for {name}, but the CRM has merged"
        " them. Restore the client in the CRM, or decide anew under Customers."
    )
    return Refuse(Kind.CONFLICT, text, "deleted")


def hand_over(client: Client, number: str) -> Prepared:
    """Whoever the CRM keeps gets the customer's number, unless they have one of their own."""
    other = left(client)
    if other is None or other["erp_code"]:
        return Skip("The CRM has merged the client: nothing can be written there any more.")
    ref = str(other["source_id"])
    record = {**other, "erp_code": number, "owned": ["erp_code"]}
    return Send(record=record, ref=ref, ordering=f"client:{ref}")
