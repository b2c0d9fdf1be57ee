"""Every route of the product on one page, save the webhook door `/inbound/<connection>/`, which
stands beside Django (asgi.py). API and health are for programs; the rest are pages and need a
signed-in person (web/security.py)."""

from __future__ import annotations

from django.urls import path

from controltower.web import (
    amendments,
    assurance,
    customers,
    descriptions,
    drift_page,
    exceptions,
    expiries,
    exports,
    find,
    findings,
    groupings,
    health,
    incidents,
    interface_page,
    interfaces,
    jobs,
    languages,
    list_files,
    manage,
    manage_audit,
    manage_masks,
    manage_notices,
    manage_people,
    manage_promises,
    manage_routes,
    mappings,
    measures,
    own_settings,
    processes,
    recovery,
    runbooks,
    runs,
    set_aside,
    signin,
    surges,
    systems,
    tower,
    transactions,
    view_strip,
)
from controltower.web.api import api

handler400 = "controltower.web.errors.bad_request"
handler403 = "controltower.web.errors.permission_denied"
handler404 = "controltower.web.errors.not_found"
handler500 = "controltower.web.errors.server_error"

programs = [
    path("api/v1/", api.urls),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
]

person = [
    path("sign-in/", signin.SignIn.as_view(), name="sign_in"),
    path("sign-out/", signin.SignOut.as_view(), name="sign_out"),
    path("language/", languages.choose, name="language"),
    path("preferences/", signin.preferences, name="preferences"),
    path("settings/", own_settings.settings_page, name="own_settings"),
    path("settings/looks/", own_settings.looks, name="own_looks"),
    path("settings/mails/", own_settings.mails, name="own_mails"),
    path("settings/password/", own_settings.password, name="own_password"),
    path("messages/", own_settings.sent, name="own_messages"),
    path("views/", view_strip.views, name="views"),
    path("views/<int:pk>/changes/", view_strip.change, name="view_changes"),
    path("views/<int:pk>/mails/", view_strip.mail, name="view_mails"),
    path("views/<int:pk>/removals/", view_strip.remove, name="view_removals"),
    path("views/<int:pk>/restorations/", view_strip.restore, name="view_restorations"),
]

watch = [
    path("", tower.tower, name="tower"),
    path("find/", find.find, name="find"),
    path("tower/looked/", tower.looked, name="tower_looked"),
    path("tower/<slug:name>/", tower.region, name="tower_region"),
]

journeys = [
    path("processes/", processes.processes, name="processes"),
    path("processes/<slug:name>/", processes.process, name="process"),
    path("exports/processes/", processes.processes_file, name="process_list_exports"),
    path("exports/processes/<slug:name>/", processes.process_file, name="process_exports"),
    path("tx/", transactions.transactions, name="transactions"),
    path("exports/transactions/", exports.transactions, name="transaction_exports"),
    path("tx/<path:correlation_id>/impact/", transactions.impact, name="transaction_impact"),
    path("tx/<path:correlation_id>/replays/", transactions.replays, name="transaction_replays"),
    path("tx/<path:correlation_id>/decisions/", transactions.decide, name="transaction_decisions"),
    path("tx/<path:correlation_id>/solutions/", transactions.solve, name="transaction_solutions"),
    path("tx/<path:correlation_id>/amendments/", amendments.propose, name="transaction_amendments"),
    path("tx/<path:correlation_id>/agreements/", amendments.decide, name="transaction_agreements"),
    path("tx/<path:correlation_id>/findings/", findings.report, name="transaction_findings"),
    path(
        "tx/<path:correlation_id>/confirmations/",
        findings.confirm,
        name="transaction_confirmations",
    ),
    path(
        "tx/<path:correlation_id>/cancellations/",
        transactions.cancel,
        name="transaction_cancellations",
    ),
    path("tx/<path:correlation_id>/billings/", transactions.bill, name="transaction_billings"),
    path("tx/<path:correlation_id>/reveals/", transactions.show, name="transaction_reveals"),
    path("tx/<path:correlation_id>/", transactions.transaction, name="transaction"),
]

figures = [
    path("measures/", measures.measures, name="measures"),
    path("measures/<slug:name>/", measures.measure, name="measure"),
    path("measures/<slug:name>/targets/", measures.set_target, name="measure_targets"),
    path("exports/measures/", measures.measures_file, name="measure_exports"),
]

fix = [
    path("exceptions/", exceptions.exceptions, name="exceptions"),
    path("exceptions/set-aside/", set_aside.events, name="set_aside"),
    path("exceptions/set-aside/<uuid:pk>/readings/", set_aside.readings, name="set_aside_readings"),
    path("exports/exceptions/", list_files.exceptions, name="exception_exports"),
    path("exports/incidents/", list_files.incidents, name="incident_exports"),
    path("exports/jobs/", list_files.jobs, name="job_exports"),
    path("exports/systems/", list_files.health, name="system_exports"),
    path("exports/mappings/", list_files.mappings, name="mapping_exports"),
    path("exports/set-aside/", list_files.events, name="set_aside_exports"),
    path("exceptions/<int:pk>/", exceptions.exception, name="exception"),
    path("exceptions/<int:pk>/replays/", exceptions.replays, name="exception_replays"),
    path("exceptions/<int:pk>/assignments/", exceptions.assign, name="exception_assignments"),
    path("exceptions/<int:pk>/snoozes/", exceptions.snooze, name="exception_snoozes"),
    path("exceptions/<int:pk>/parkings/", exceptions.park, name="exception_parks"),
    path("exceptions/<int:pk>/parts/", groupings.split, name="exception_splits"),
    path("exceptions/<int:pk>/joins/", groupings.join, name="exception_joins"),
    path(
        "exceptions/<int:pk>/groupings/<int:decision>/endings/",
        groupings.take_back,
        name="exception_regroupings",
    ),
    path("exceptions/<int:pk>/solutions/", exceptions.solve, name="exception_solutions"),
    path("exceptions/<int:pk>/decisions/", exceptions.decide, name="exception_decisions"),
    path("exceptions/<int:pk>/incidents/", incidents.of_cause, name="exception_incidents"),
    path("exceptions/<int:pk>/runs/", runs.of_cause, name="exception_runs"),
    path("exceptions/<int:pk>/runbooks/", runbooks.written_down, name="exception_runbooks"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:pk>/", incidents.incident, name="incident"),
    path("incidents/<int:pk>/owners/", incidents.take, name="incident_owners"),
    path("incidents/<int:pk>/hand-overs/", incidents.hand_over, name="incident_hand_overs"),
    path("incidents/<int:pk>/updates/", incidents.update, name="incident_updates"),
    path("incidents/<int:pk>/mitigations/", incidents.mitigate, name="incident_mitigations"),
    path("incidents/<int:pk>/links/", incidents.link, name="incident_links"),
    path("incidents/<int:pk>/closings/", incidents.close, name="incident_closings"),
    path("incidents/<int:pk>/reviews/", incidents.review, name="incident_reviews"),
    path("incidents/<int:pk>/runs/", runs.of_incident, name="incident_runs"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/steps/<int:position>/", runs.step, name="run_steps"),
    path("runs/<int:pk>/stops/", runs.stop, name="run_stops"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/tray/", jobs.tray, name="job_tray"),
    path("jobs/<uuid:pk>/", jobs.job, name="job"),
    path("jobs/<uuid:pk>/requests/", jobs.ask, name="job_requests"),
    path("jobs/<uuid:pk>/decisions/", jobs.decide, name="job_decisions"),
    path("jobs/<uuid:pk>/releases/", jobs.release, name="job_releases"),
    path("jobs/<uuid:pk>/pauses/", jobs.pause, name="job_pauses"),
    path("jobs/<uuid:pk>/resumptions/", jobs.resume, name="job_resumptions"),
    path("jobs/<uuid:pk>/stops/", jobs.stop, name="job_stops"),
    path("jobs/<uuid:pk>/plans/", jobs.plan_again, name="job_plans"),
]

govern = [
    path("customers/", customers.customers, name="customers"),
    path("customers/decisions/", customers.decide, name="customer_decisions"),
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
    path("mappings/<slug:slug>/v<int:number>/trials/", mappings.trials, name="mapping_trials"),
    path(
        "exports/mappings/<slug:slug>/v<int:number>/trials/",
        mappings.trial_file,
        name="mapping_trial_exports",
    ),
    path("mappings/<slug:slug>/v<int:number>/dates/", mappings.schedule, name="mapping_schedule"),
    path(
        "mappings/<slug:slug>/v<int:number>/cancellations/",
        mappings.unschedule,
        name="mapping_unschedule",
    ),
    path("mappings/<slug:slug>/v<int:number>/retirement/", mappings.retire, name="mapping_retire"),
    path("assurance/", assurance.assurance, name="assurance"),
    path("assurance/banner/", assurance.banner, name="assurance_banner"),
    path("runbooks/", runbooks.runbooks, name="runbooks"),
    path("runbooks/new/", runbooks.new, name="runbook_new"),
    path("runbooks/<slug:slug>/", runbooks.runbook, name="runbook"),
    path("runbooks/<slug:slug>/drafts/", runbooks.drafts, name="runbook_drafts"),
    path("runbooks/<slug:slug>/v<int:number>/", runbooks.version, name="runbook_version"),
    path(
        "runbooks/<slug:slug>/v<int:number>/submissions/",
        runbooks.submit,
        name="runbook_submissions",
    ),
    path(
        "runbooks/<slug:slug>/v<int:number>/decisions/", runbooks.decide, name="runbook_decisions"
    ),
    path("interfaces/", interfaces.interfaces, name="interfaces"),
    path("exports/interfaces/", interfaces.interfaces_file, name="interface_exports"),
    path("interfaces/drift/<int:pk>/", drift_page.drift, name="drift"),
    path("interfaces/drift/<int:pk>/proposals/", drift_page.propose, name="drift_proposals"),
    path("interfaces/<int:pk>/", interface_page.interface, name="interface"),
    path("interfaces/<int:pk>/owners/", interface_page.own, name="interface_owners"),
    path(
        "interfaces/<int:pk>/v<int:number>/decisions/",
        interface_page.decide,
        name="contract_decisions",
    ),
    path("recovery/", recovery.banner, name="recovery"),
    path("recovery/end/", recovery.end, name="recovery_end"),
    path("systems/", systems.systems, name="systems"),
    path("surges/", surges.begin, name="surges"),
    path("surges/<int:pk>/ends/", surges.end, name="surge_ends"),
    path("systems/new/", descriptions.new, name="system_new"),
    path("systems/<slug:slug>/", systems.system, name="system"),
    path(
        "systems/<slug:slug>/descriptions/v<int:number>/",
        descriptions.version,
        name="description",
    ),
    path(
        "systems/<slug:slug>/descriptions/v<int:number>/tests/",
        descriptions.test,
        name="description_tests",
    ),
    path(
        "systems/<slug:slug>/descriptions/v<int:number>/decisions/",
        descriptions.decide,
        name="description_decisions",
    ),
    path("systems/<slug:slug>/pause/", systems.pause, name="system_pause"),
    path("systems/<slug:slug>/resumption/", systems.resume, name="system_resume"),
    path("systems/<slug:slug>/expiries/", expiries.note, name="system_expiries"),
    path("systems/<slug:slug>/incidents/", incidents.of_system, name="system_incidents"),
]

administer = [
    path("manage/", manage.decisions, name="manage"),
    path("manage/decisions/<int:pk>/", manage.decide, name="manage_decisions"),
    path("manage/people/", manage_people.people, name="manage_people"),
    path("manage/people/<str:username>/", manage_people.person, name="manage_person"),
    path("manage/people/<str:username>/rights/", manage_people.rights, name="manage_rights"),
    path("manage/people/<str:username>/standing/", manage_people.standing, name="manage_standing"),
    path("manage/people/<str:username>/sign-ins/", manage_people.sign_ins, name="manage_sign_ins"),
    path("manage/limits/", manage.limits, name="manage_limits"),
    path("manage/promises/", manage_promises.promises, name="manage_promises"),
    path("manage/calendars/", manage_promises.calendars, name="manage_calendars"),
    path("manage/routes/", manage_routes.routes, name="manage_routes"),
    path("manage/notices/", manage_notices.notices, name="manage_notices"),
    path("manage/people/<str:username>/wishes/", manage_notices.wishes, name="manage_wishes"),
    path("manage/masks/", manage_masks.masks, name="manage_masks"),
    path("manage/retention/", manage.retention, name="manage_retention"),
    path("manage/audit/", manage_audit.audit, name="manage_audit"),
    path("manage/audit/checks/", manage_audit.check, name="manage_audit_checks"),
]

urlpatterns = [*programs, *person, *watch, *journeys, *figures, *fix, *govern, *administer]
