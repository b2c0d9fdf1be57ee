"""A webhook as most would write it: a Django view that inserts one row and answers.

WSGI for gunicorn; no middleware, a kept connection, one durable commit for each request.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, unquote, urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

_at = urlsplit(os.environ["BENCH_DATABASE"])
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for this run only",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _at.path.lstrip("/"),
            "USER": _at.username,
            "PASSWORD": _at.password,
            "HOST": unquote(dict(parse_qsl(_at.query))["host"]),
            "CONN_MAX_AGE": 600,
        }
    },
)
django.setup()


def receive(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_intake (id, body) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [request.headers["webhook-id"], request.body.decode()],
        )
    answer = JsonResponse({"stored": True}, status=202)
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer


urlpatterns = [path("inbound/bench/", receive)]
application = get_wsgi_application()
