"""The routes of Admin: who may do what, what the firm agrees upon, and what the product brings."""

from __future__ import annotations

from django.urls import path

from controltower.web import (
    library,
    manage,
    manage_audit,
    manage_companies,
    manage_frame,
    manage_masks,
    manage_notices,
    manage_people,
    manage_promises,
    manage_rates,
    manage_retention,
    manage_routes,
    manage_templates,
)

administer = [
    path("library/", library.library, name="library"),
    path("library/proposals/", library.proposals, name="library_proposals"),
    path("library/mappings/", library.agree_to_mappings, name="library_mapping_approvals"),
    path("library/runbooks/", library.agree_to_runbooks, name="library_runbook_approvals"),
    path("manage/", manage.decisions, name="manage"),
    path("manage/decisions/<int:pk>/", manage.decide, name="manage_decisions"),
    path("manage/decisions/<int:pk>/withdrawal/", manage_frame.withdraw, name="manage_withdrawals"),
    path("manage/people/", manage_people.people, name="manage_people"),
    path("manage/people/<str:username>/", manage_people.person, name="manage_person"),
    path("manage/people/<str:username>/rights/", manage_people.rights, name="manage_rights"),
    path("manage/people/<str:username>/standing/", manage_people.standing, name="manage_standing"),
    path("manage/people/<str:username>/sign-ins/", manage_people.sign_ins, name="manage_sign_ins"),
    path("manage/companies/", manage_companies.companies, name="manage_companies"),
    path("manage/rates/", manage_rates.rates, name="manage_rates"),
    path("manage/limits/", manage.limits, name="manage_limits"),
    path("manage/promises/", manage_promises.promises, name="manage_promises"),
    path("manage/calendars/", manage_promises.calendars, name="manage_calendars"),
    path("manage/routes/", manage_routes.routes, name="manage_routes"),
    path("manage/templates/", manage_templates.templates, name="manage_templates"),
    path(
        "manage/templates/retirements/",
        manage_templates.retire,
        name="manage_template_retirements",
    ),
    path("manage/notices/", manage_notices.notices, name="manage_notices"),
    path("manage/people/<str:username>/wishes/", manage_notices.wishes, name="manage_wishes"),
    path("manage/masks/", manage_masks.masks, name="manage_masks"),
    path("manage/retention/", manage_retention.retention, name="manage_retention"),
    path("manage/audit/", manage_audit.audit, name="manage_audit"),
    path("manage/audit/checks/", manage_audit.check, name="manage_audit_checks"),
]
