"""Every route of the product on one page. Webhooks, API and health are for programs; the rest
are pages and need a signed-in person (web/security.py)."""

from __future__ import annotations

from django.urls import path

from controltower.web import health, mappings, signin, systems, tower

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

watch = [
    path("", tower.tower, name="tower"),
    path("tower/looked/", tower.looked, name="tower_looked"),
    path("tower/<slug:name>/", tower.region, name="tower_region"),
]

govern = [
    path("mappings/", mappings.mappings, name="mappings"),
    path("mappings/<slug:slug>/", mappings.mapping, name="mapping"),
    path("mappings/<slug:slug>/drafts/", mappings.drafts, name="mapping_drafts"),
    path("mappings/<slug:slug>/v<int:number>/", mappings.version, name="mapping_version"),
    path("mappings/<slug:slug>/v<int:number>/submission/", mappings.submit, name="mapping_submit"),
    path("mappings/<slug:slug>/v<int:number>/reviews/", mappings.review, name="mapping_review"),
    path(
        "mappings/<slug:slug>/v<int:number>/activation/",
        mappings.activate,
        name="mapping_activate",
    ),
    path("systems/", systems.systems, name="systems"),
    path("systems/<slug:slug>/", systems.system, name="system"),
    path("systems/<slug:slug>/pause/", systems.pause, name="system_pause"),
    path("systems/<slug:slug>/resumption/", systems.resume, name="system_resume"),
]

urlpatterns = [*programs, *person, *watch, *govern]
