"""What people call a field of a record, and what a connection is given: "VAT number" of
`vat_number`. One that has no name here is said by its own words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

FIELDS: dict[str, str | Promise] = {
    "account_code": gettext_lazy("Account code"),
    "amount": gettext_lazy("Amount"),
    "billing_method": gettext_lazy("Billing method"),
    "city": gettext_lazy("City"),
    "contact_email": gettext_lazy("Contact's mail address"),
    "contact_name": gettext_lazy("Contact's name"),
    "contract_value": gettext_lazy("Contract value"),
    "cost_rate": gettext_lazy("Cost rate"),
    "country": gettext_lazy("Country"),
    "credit_hold": gettext_lazy("Credit hold"),
    "done": gettext_lazy("Work done"),
    "email": gettext_lazy("Mail address"),
    "ends_on": gettext_lazy("Last day"),
    "entity": gettext_lazy("Legal entity"),
    "erp_code": gettext_lazy("Number in the ERP"),
    "expenses": gettext_lazy("Expenses"),
    "hours": gettext_lazy("Hours"),
    "method": gettext_lazy("Method of recognition"),
    "name": gettext_lazy("Name"),
    "number": gettext_lazy("Number"),
    "parent_id": gettext_lazy("Parent client"),
    "payment_term": gettext_lazy("Payment term"),
    "postal_code": gettext_lazy("Postal code"),
    "project_id": gettext_lazy("Project"),
    "rate": gettext_lazy("Hourly rate"),
    "resource_name": gettext_lazy("Name of the person"),
    "skills": gettext_lazy("Skills"),
    "street": gettext_lazy("Street"),
    "tax_code": gettext_lazy("Tax code"),
    "vat_number": gettext_lazy("VAT number"),
}
GIVEN: dict[str, str | Promise] = {
    "account": gettext_lazy("Account"),
    "account_id": gettext_lazy("Account"),
    "api_key": gettext_lazy("API key"),
    "ask_again_seconds": gettext_lazy("Seconds until an answer is looked for"),
    "authority": gettext_lazy("Trusted authority"),
    "bot_token": gettext_lazy("Bot token"),
    "certificate": gettext_lazy("Client certificate"),
    "certificate_id": gettext_lazy("Certificate's ID"),
    "client_id": gettext_lazy("Client ID"),
    "client_secret": gettext_lazy("Client secret"),
    "client_state": gettext_lazy("Word that marks its messages"),
    "consumer": gettext_lazy("Consumer"),
    "database": gettext_lazy("Database"),
    "dataset": gettext_lazy("Dataset"),
    "drive": gettext_lazy("Document library"),
    "environment": gettext_lazy("Environment"),
    "facts_days": gettext_lazy("Days looked back for work billed"),
    "group": gettext_lazy("Consumer group"),
    "hmac_key": gettext_lazy("Key of its signatures"),
    "host_key": gettext_lazy("Server's public key"),
    "integration": gettext_lazy("Name of the integration"),
    "integration_key": gettext_lazy("Integration key"),
    "languages": gettext_lazy("Languages of contracts"),
    "lookback_days": gettext_lazy("Days of the first reading"),
    "messages": gettext_lazy("Have changes sent"),
    "monitor_url": gettext_lazy("Address where copies are watched"),
    "most_lines": gettext_lazy("Lines of an invoice, at most"),
    "overlap_seconds": gettext_lazy("Seconds looked back"),
    "owner": gettext_lazy("Owning account"),
    "page_size": gettext_lazy("Rows at once"),
    "parent": gettext_lazy("Folder of the projects"),
    "password": gettext_lazy("Password"),
    "patience_seconds": gettext_lazy("Seconds until it is taken over"),
    "private_key": gettext_lazy("Private key"),
    "publishes": gettext_lazy("Stream of our events"),
    "reads": gettext_lazy("Stream that is read"),
    "refresh_token": gettext_lazy("Refresh token"),
    "refreshes_a_day": gettext_lazy("Refreshes a day"),
    "role": gettext_lazy("Role"),
    "schema": gettext_lazy("Schema"),
    "secret_key": gettext_lazy("Secret key"),
    "service": gettext_lazy("Name of the service"),
    "settle_seconds": gettext_lazy("Seconds behind the clock"),
    "sign_in_url": gettext_lazy("Address of the sign-in"),
    "source": gettext_lazy("Our name in events"),
    "stream.entities": gettext_lazy("Streamed feeds"),
    "stream.insecure": gettext_lazy("Stream without encryption"),
    "stream.settle_seconds": gettext_lazy("Seconds the stream listens on"),
    "stream.tenant": gettext_lazy("Tenant of the stream"),
    "stream.url": gettext_lazy("Address of the stream"),
    "stream.wait_seconds": gettext_lazy("Seconds the stream listens"),
    "template": gettext_lazy("Folder that is copied"),
    "tenant": gettext_lazy("Tenant"),
    "token": gettext_lazy("Access token"),
    "user": gettext_lazy("User"),
    "warehouse": gettext_lazy("Warehouse"),
    "webhook_key": gettext_lazy("Key of its messages"),
    "window_days": gettext_lazy("Days asked for at once, at most"),
    "workspace": gettext_lazy("Workspace"),
}
"""Secrets and options that a connector declares."""


def field(name: str) -> str:
    """A field of a record: "VAT number"."""
    return str(FIELDS.get(name) or _plain(name))


def given(name: str) -> str:
    """A secret or an option of a connection: "Client secret"."""
    return str(GIVEN.get(name) or _plain(name))


def _plain(name: str) -> str:
    words = name.replace("_", " ").replace(".", ": ")
    return words[:1].upper() + words[1:]
