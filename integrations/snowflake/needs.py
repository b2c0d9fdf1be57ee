"""What a connection to Snowflake needs."""

from __future__ import annotations

from integrations.needed import Needs, Option, Secret, Shape

NEEDS = Needs(
    plays="warehouse",
    address="https://<organisation>-<account>.snowflakecomputing.com",
    secrets=(
        Secret(
            "private_key",
            "An RSA key of 2048 bits or more, as PEM or as the base64 of its PKCS #8.",
            "Nowhere at the vendor: its public half is given by ALTER USER, SET RSA_PUBLIC_KEY.",
        ),
    ),
    options=(
        Option("account", Shape.TEXT, "The account as the token names it.", required=True),
        Option("user", Shape.TEXT, "The user as the token names it.", required=True),
        Option("database", Shape.TEXT, "The database, where the user's default is not wanted."),
        Option("schema", Shape.TEXT, "The schema, where the user's default is not wanted."),
        Option("warehouse", Shape.TEXT, "The warehouse, where the user's default is not wanted."),
        Option("role", Shape.TEXT, "The role, where the user's default is not wanted."),
    ),
)
