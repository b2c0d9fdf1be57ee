"""Snowflake as the firm's warehouse: verified facts as rows, over the SQL API."""
