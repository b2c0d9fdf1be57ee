"""Settings, all by environment. `docs/settings.md` lists every variable and its default."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("CONTROLTOWER_HOME", BASE_DIR / ".tower"))


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).lower() in {"1", "true", "yes", "on"}


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Run through bin/up or bin/manage, or set it (docs/settings.md)."
        )
    return value


def _days(name: str, default: int, least: int = 92) -> timedelta | None:
    """A time to keep something for; 0 is for ever. What may still be at work is never put away."""
    days = int(os.environ.get(name, default))
    if days and days < least:
        raise ImproperlyConfigured(f"{name} must be 0 (for ever) or at least {least} days.")
    return timedelta(days=days) if days else None


def database(url: str) -> dict[str, Any]:
    """Read `postgresql://user:password@host:port/name?option=value`; a socket directory may be
    given as percent-encoded host or as `?host=`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    port = options.pop("port", "") or (str(parts.port) if parts.port else "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
        "TEST": {"NAME": unquote(parts.path.lstrip("/")) + "_test"},
    }


DEBUG = _flag("CONTROLTOWER_DEBUG")
SECRET_KEY = _required("SECRET_KEY")
ALLOWED_HOSTS = os.environ.get("CONTROLTOWER_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
CSRF_TRUSTED_ORIGINS = [x for x in os.environ.get("CONTROLTOWER_ORIGINS", "").split(",") if x]
HTTPS = _flag("CONTROLTOWER_HTTPS")

DATABASES = {"default": database(_required("DATABASE_URL"))}
REDIS_URL = _required("REDIS_URL")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "django_htmx",
    "channels",
    "django_rq",
    "controltower.firm",
    "controltower.systems",
    "controltower.mappings",
    "controltower.transactions",
    "controltower.incidents",
    "controltower.measures",
    "controltower.web",
]

MIDDLEWARE = [
    "controltower.web.security.ReferenceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "controltower.web.security.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "controltower.web.languages.LanguageMiddleware",
    "controltower.web.security.SignInMiddleware",
    "controltower.web.revealed.RevealedMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "controltower.web.refused_forms.RefusedFormMiddleware",
    "controltower.web.security.WordsMiddleware",
]

ROOT_URLCONF = "controltower.urls"
ASGI_APPLICATION = "controltower.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controltower.web.frame.frame",
                "controltower.web.refused_forms.refused",
            ],
        },
    }
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
"""So that a widget may be drawn by a template of ours."""

AUTH_USER_MODEL = "firm.Person"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "controltower.web.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
CATALOGUES = BASE_DIR / "locale"
LOCALE_PATHS = [HOME / "locale"]
"""Catalogues are kept as text and compiled into the home by whoever starts first."""
HEARD_BY = "controltower.web.sayings.heard_by"
"""How what the rooms below wrote is said to somebody by mail."""
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
AUDIT_ANCHOR = Path(os.environ.get("CONTROLTOWER_AUDIT_ANCHOR", HOME / "audit-anchor.log"))
STATIC_ROOT = Path(os.environ.get("CONTROLTOWER_STATIC", HOME / "static"))
STATICFILES_DIRS = [BASE_DIR / "controltower" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

RQ_SHOW_ADMIN_LINK = False
RQ_QUEUES = {name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 120} for name in ("intake", "engine")}

FIRM = os.environ.get("CONTROLTOWER_FIRM", "Larkfield Advisory")
"""Whose tower it is, at the foot of the rail; by default the demo firm."""
REPORTING_CURRENCY = os.environ.get("CONTROLTOWER_CURRENCY", "EUR")
SECOND_PERSON_ABOVE = os.environ.get("CONTROLTOWER_SECOND_PERSON_ABOVE", "25000")
INCIDENT_ABOVE = Decimal(os.environ.get("CONTROLTOWER_INCIDENT_ABOVE", "100000"))
INCIDENT_COUNT = int(os.environ.get("CONTROLTOWER_INCIDENT_COUNT", "50"))
"""A cause that holds so much, in the reporting currency, or so many becomes an incident."""
SYSTEM_DOWN_FOR = timedelta(minutes=int(os.environ.get("CONTROLTOWER_SYSTEM_DOWN_MINUTES", "5")))
SYSTEM_HELD_FOR = timedelta(minutes=int(os.environ.get("CONTROLTOWER_SYSTEM_HELD_MINUTES", "60")))
"""A system that does not answer, or is paused, for longer becomes an incident."""
_anchor = os.environ.get("CONTROLTOWER_ANCHOR", "")
_by_home = HOME / "anchor.json" if "CONTROLTOWER_HOME" in os.environ else None
ANCHOR = Path(_anchor) if _anchor else _by_home
ADDRESS = os.environ.get("CONTROLTOWER_URL", "http://127.0.0.1:8000").rstrip("/")
"""Where people reach the tower, for the links in messages."""
EMAIL_HOST = os.environ.get("CONTROLTOWER_SMTP_HOST", "")
EMAIL_PORT = int(os.environ.get("CONTROLTOWER_SMTP_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("CONTROLTOWER_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("CONTROLTOWER_SMTP_PASSWORD", "")
EMAIL_USE_TLS = _flag("CONTROLTOWER_SMTP_TLS")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("CONTROLTOWER_MAIL_FROM", "tower@localhost")
EMAIL_FILE_PATH = HOME / "mailbox"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
"""Without a mail server, mails are put into the home's mailbox, where they can be looked at."""
SANDBOX_CONTROL_URL = os.environ.get("SANDBOX_CONTROL_URL", "")
INBOUND_SECRETS = {
    name.removeprefix("WEBHOOK_SECRET_").lower().replace("_", "-"): value.split(",")
    for name, value in {
        "WEBHOOK_SECRET_SANDBOX": os.environ.get("SANDBOX_WEBHOOK_SECRET", ""),
        **os.environ,
    }.items()
    if name.startswith("WEBHOOK_SECRET_") and value
}
"""Webhook signing secrets by connection; two may be valid at a time, for rotation."""
SYSTEM_HOSTS = [x for x in os.environ.get("CONTROLTOWER_SYSTEM_HOSTS", "").split(",") if x]
"""Hosts (with their ports) at which a described system may be."""
INBOUND_BODY_LIMIT = int(os.environ.get("CONTROLTOWER_INBOUND_BODY_LIMIT", "1048576"))
KEEP_ATTEMPTS = _days("CONTROLTOWER_KEEP_ATTEMPTS_DAYS", 730)
KEEP_TIMELINE = _days("CONTROLTOWER_KEEP_TIMELINE_DAYS", 3650)
"""How long what was tried and what happened stays in the pages before it is archived."""
KEEP_RAW = _days("CONTROLTOWER_KEEP_RAW_DAYS", 0, least=30)
"""How long the bodies of received events are kept; their fingerprints are kept for ever."""
METRICS_TOKEN = os.environ.get("CONTROLTOWER_METRICS_TOKEN", "")
"""Without one, `/metrics` answers to this machine only."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "controltower.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": os.environ.get("CONTROLTOWER_LOG", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "rq": {"level": "WARNING"},
        "aiohttp.access": {"level": "WARNING"},
    },
}
