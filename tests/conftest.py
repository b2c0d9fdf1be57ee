"""One PostgreSQL and one Valkey for the whole session, up before Django reads its settings.

pytest-django looks at ``DJANGO_SETTINGS_MODULE`` when it configures itself, which is after this
file: hence the name is set here, once the servers' addresses are known, and not in pyproject.toml.
"""

from __future__ import annotations

import os
import secrets

import django

from tests.servers import serve_session

serve_session()
os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
os.environ["DJANGO_SETTINGS_MODULE"] = "controltower.settings"
django.setup()
