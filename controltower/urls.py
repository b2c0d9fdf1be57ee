"""Every route of the product on one page. Webhooks, API and health are for programs; the rest
are pages and need a signed-in person (web/security.py)."""

from __future__ import annotations

from django.urls import path

from controltower.web import health, signin

handler400 = "controltower.web.errors.bad_request"
handler403 = "controltower.web.errors.permission_denied"
handler404 = "controltower.web.errors.not_found"
handler500 = "controltower.web.errors.server_error"

programs = [
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
]

person = [
    path("sign-in/", signin.SignIn.as_view(), name="sign_in"),
    path("sign-out/", signin.SignOut.as_view(), name="sign_out"),
    path("preferences/", signin.preferences, name="preferences"),
]

pages = []

urlpatterns = [*programs, *person, *pages]
