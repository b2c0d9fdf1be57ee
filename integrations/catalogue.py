"""The connectors there are. A new one is a new folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integrations.bamboohr.connector import BambooConnector
from integrations.business_central.connector import CentralConnector
from integrations.certinia.connector import CertiniaConnector
from integrations.connector import Connection, Connector, Descriptor
from integrations.coupa.connector import CoupaConnector
from integrations.described.connector import DescribedConnector
from integrations.docusign.connector import DocuSignConnector
from integrations.event_broker.connector import BrokerConnector
from integrations.kantata.connector import KantataConnector
from integrations.legacy_erp.connector import LegacyConnector
from integrations.netsuite.connector import SuiteConnector
from integrations.payroll.connector import PayrollConnector
from integrations.power_bi.connector import PowerBiConnector
from integrations.salesforce.connector import SalesforceConnector
from integrations.sharepoint.connector import SharePointConnector
from integrations.slack.connector import SlackConnector
from integrations.snowflake.connector import SnowflakeConnector
from integrations.teams.connector import TeamsConnector
from integrations.tryton.connector import TrytonConnector
from integrations.workday.connector import WorkdayConnector

CONNECTORS: dict[str, Callable[[Connection], Connector]] = {
    "salesforce": SalesforceConnector,
    "certinia": CertiniaConnector,
    "kantata": KantataConnector,
    "tryton": TrytonConnector,
    "bamboohr": BambooConnector,
    "workday": WorkdayConnector,
    "business_central": CentralConnector,
    "coupa": CoupaConnector,
    "described": DescribedConnector,
    "docusign": DocuSignConnector,
    "event_broker": BrokerConnector,
    "legacy_erp": LegacyConnector,
    "netsuite": SuiteConnector,
    "sharepoint": SharePointConnector,
    "payroll": PayrollConnector,
    "slack": SlackConnector,
    "snowflake": SnowflakeConnector,
    "teams": TeamsConnector,
    "power_bi": PowerBiConnector,
}


def connect(name: str, connection: Connection) -> Connector:
    """A connector on a connection. Raises KeyError for an unknown name."""
    return CONNECTORS[name](connection)


def descriptor(name: str, options: Mapping[str, Any] | None = None) -> Descriptor:
    """What the connector of that name declares with these options, without a connection."""
    unset = Connection(slug=name, base_url="https://unset.invalid", options=options or {})
    return CONNECTORS[name](unset).descriptor
