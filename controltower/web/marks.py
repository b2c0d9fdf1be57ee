"""State marks: which wash, outline and word a state gets. Three axes, never merged."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from controltower.web.icons import icon

ICONS = {
    "ok": "circle-check",
    "mv": "circle-arrow-right",
    "wt": "hourglass",
    "rk": "triangle-alert",
    "br": "octagon-alert",
    "pk": "square-parking",
    "nt": "circle-dashed",
}
"""Token to outline: on promise, moving, waiting for a person, risk, broken, parked, neutral."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One state as a person sees it. `token` is a key of ICONS."""

    token: str
    word: str | Promise

    @property
    def icon(self) -> str:
        """The outline that goes with the token."""
        return ICONS[self.token]


LATENESS = {
    "late": Mark("br", _("Late")),
    "at_risk": Mark("rk", _("At risk")),
    "due_today": Mark("rk", _("Due today")),
    "in_time": Mark("nt", _("In time")),
    "paused": Mark("wt", _("Promise paused")),
}

STATES = {
    "transaction": {
        "accepted": Mark("mv", _("Accepted")),
        "in_progress": Mark("mv", _("Moving")),
        "waiting": Mark("wt", _("Waiting")),
        "in_doubt": Mark("rk", _("In doubt")),
        "dead_lettered": Mark("pk", _("Parked")),
        "delivered": Mark("ok", _("Delivered")),
        "verified": Mark("ok", _("Verified")),
        "resolved_externally": Mark("ok", _("Solved elsewhere")),
        "superseded": Mark("nt", _("Superseded")),
        "cancelled": Mark("nt", _("Cancelled")),
        "written_off": Mark("nt", _("Written off")),
    },
    "step": {
        "planned": Mark("nt", _("Not started")),
        "scheduled": Mark("mv", _("On its way")),
        "sending": Mark("mv", _("Sending")),
        "unknown": Mark("rk", _("In doubt")),
        "acked": Mark("ok", _("Sent, being read back")),
        "verified": Mark("ok", _("Verified")),
        "skipped": Mark("nt", _("Not needed")),
        "parked": Mark("br", _("Stuck")),
        "held": Mark("wt", _("Waits for a decision")),
        "cancelled": Mark("nt", _("Cancelled")),
    },
    "milestone": {
        "done": Mark("ok", _("Done")),
        "expected": Mark("mv", _("Expected")),
        "overdue": Mark("br", _("Overdue")),
        "waived": Mark("nt", _("Not waited for")),
        "ahead": Mark("nt", _("Ahead")),
        "untold": Mark("nt", _("Nobody tells of it")),
    },
    "attempt": {
        "sending": Mark("mv", _("Sending")),
        "acked": Mark("ok", _("Accepted")),
        "failed_transient": Mark("rk", _("Failed, tried again")),
        "failed_permanent": Mark("br", _("Refused")),
        "unknown": Mark("rk", _("In doubt")),
        "skipped_duplicate": Mark("ok", _("Already there")),
    },
    "rule": {
        "holds": Mark("ok", _("Holds")),
        "broken": Mark("br", _("Broken")),
        "stale": Mark("rk", _("Not looked at lately")),
        "unknown": Mark("nt", _("Not looked at yet")),
    },
    "incident": {
        "triggered": Mark("br", _("Triggered")),
        "acknowledged": Mark("mv", _("Acknowledged")),
        "mitigated": Mark("rk", _("Mitigated")),
        "resolved": Mark("ok", _("Resolved")),
        "reviewed": Mark("nt", _("Reviewed")),
    },
    "severity": {
        "highest": Mark("br", _("Highest")),
        "high": Mark("rk", _("High")),
        "moderate": Mark("nt", _("Moderate")),
    },
    "runbook": {
        "draft": Mark("nt", _("Draft")),
        "approval_pending": Mark("wt", _("Waits for approval")),
        "approved": Mark("ok", _("Approved")),
        "rejected": Mark("br", _("Rejected")),
        "expired": Mark("rk", _("Expired")),
        "deprecated": Mark("nt", _("Replaced")),
    },
    "run": {
        "running": Mark("mv", _("Running")),
        "halted": Mark("br", _("Halted")),
        "completed": Mark("ok", _("Done")),
        "stopped": Mark("nt", _("Stopped")),
    },
    "run step": {
        "ahead": Mark("nt", _("Not begun")),
        "now": Mark("wt", _("Waits for you")),
        "under_way": Mark("mv", _("Under way")),
        "done": Mark("ok", _("Done")),
        "failed": Mark("br", _("Failed")),
        "skipped": Mark("nt", _("Skipped")),
    },
    "circuit": {
        "closed": Mark("ok", _("Healthy")),
        "testing": Mark("rk", _("Circuit testing")),
        "open": Mark("br", _("Circuit open")),
        "paused": Mark("wt", _("Paused")),
        "refused": Mark("br", _("Sign-in refused")),
        "held": Mark("wt", _("Asked us to wait")),
        "unread": Mark("rk", _("Not all read")),
        "slow": Mark("rk", _("Slow")),
        "silent": Mark("nt", _("Silent")),
    },
    "month": {
        "open": Mark("nt", _("Open")),
        "closing": Mark("mv", _("Closing")),
        "overdue": Mark("rk", _("Past its cut-off")),
        "complete": Mark("ok", _("Complete, not closed yet")),
        "closed": Mark("nt", _("Closed")),
    },
    "contract": {
        "proposed": Mark("wt", _("Waits for a second person")),
        "active": Mark("ok", _("In force")),
        "retired": Mark("nt", _("No longer in force")),
        "refused": Mark("nt", _("Refused")),
        "withdrawn": Mark("nt", _("Withdrawn")),
    },
    "mapping": {
        "draft": Mark("nt", _("Draft")),
        "in_review": Mark("wt", _("In review")),
        "changes_requested": Mark("rk", _("Changes asked for")),
        "approved": Mark("ok", _("Approved")),
        "scheduled": Mark("mv", _("Scheduled")),
        "active": Mark("ok", _("In use")),
        "deprecated": Mark("nt", _("Replaced")),
        "retired": Mark("nt", _("Retired")),
    },
    "job": {
        "draft": Mark("nt", _("Being planned")),
        "planned": Mark("nt", _("Planned")),
        "asked": Mark("wt", _("Waits for approval")),
        "approved": Mark("mv", _("Approved")),
        "running": Mark("mv", _("Running")),
        "paused": Mark("wt", _("Paused")),
        "completed": Mark("ok", _("Done")),
        "with_failures": Mark("br", _("Done, some failed again")),
        "cancelled": Mark("nt", _("Stopped")),
        "stale": Mark("rk", _("Out of date")),
    },
    "forecast": {
        "create": Mark("mv", _("Will be created")),
        "update": Mark("mv", _("Will be updated")),
        "no_op": Mark("nt", _("Nothing to do")),
        "already_there": Mark("ok", _("Already there")),
        "superseded": Mark("nt", _("Superseded")),
        "would_fail": Mark("br", _("Would fail again")),
        "unasked": Mark("nt", _("Asked at its turn")),
    },
    "replay": {
        "waiting": Mark("nt", _("Waiting")),
        "sent": Mark("mv", _("Sent")),
        "verified": Mark("ok", _("Verified")),
        "failed": Mark("br", _("Failed again")),
        "unknown": Mark("rk", _("In doubt")),
        "excluded": Mark("nt", _("Left out")),
    },
    "group": {
        "open": Mark("br", _("Open")),
        "assigned": Mark("mv", _("Assigned")),
        "snoozed": Mark("nt", _("Snoozed")),
        "parked": Mark("pk", _("Parked")),
        "approval": Mark("wt", _("Waits for approval")),
        "repair_proposed": Mark("mv", _("Replay planned")),
        "replaying": Mark("mv", _("Replaying")),
        "solved": Mark("ok", _("Solved")),
        "back_again": Mark("br", _("Back again")),
    },
}


def state_mark(kind: str, state: str) -> Mark:
    """The mark of a domain state; an unlisted one is shown neutral under its own name."""
    known = STATES.get(kind, {}).get(state)
    return known or Mark("nt", state.replace("_", " ").capitalize())


def chip(mark: Mark, text: str = "") -> SafeString:
    """A washed chip: icon and word. `text` replaces the word where more can be said."""
    return format_html(
        '<span class="chip is-{}">{}{}</span>', mark.token, icon(mark.icon), text or mark.word
    )


def plain(mark: Mark, text: str = "") -> SafeString:
    """The mark without its wash, for dense tables."""
    return format_html(
        '<span class="mark is-{}">{}{}</span>', mark.token, icon(mark.icon), text or mark.word
    )
