"""The firm's event broker, Redis Streams: CloudEvents go out and come in. See README.md."""
