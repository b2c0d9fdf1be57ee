"""Dynamics 365 Business Central: see README.md."""
