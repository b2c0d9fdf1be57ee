"""The firm's event broker: a real Valkey server, behind a door at which it can be made to fail."""
