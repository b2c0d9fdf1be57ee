"""NetSuite: see README.md."""
