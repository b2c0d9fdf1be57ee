"""What happened, in two sentences that also say what did not; and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.canonical.verdicts import Kind
from controltower.firm.models import Person
from controltower.incidents.models import DeadLetter, LetterState
from controltower.measures import exposure
from controltower.processes import month_end_close, quote_to_cash
from controltower.transactions import findings
from controltower.transactions.models import (
    Step,
    TransactionState,
)
from controltower.transactions.protocol import FINISHED, MOST_TRIES, Purpose, State
from controltower.web import absences, formats, pause_actions, standing
from controltower.web.actions import Action, Ranked, ranked
from controltower.web.amend_actions import AGREE
from controltower.web.goals import goal_of
from controltower.web.remedies import actions_for
from controltower.web.sayings import heard
from controltower.web.transaction_chain import Chain
from controltower.web.ways_on import options_for


@dataclass(frozen=True, slots=True)
class Alike:
    """What else hangs on the same cause."""

    count: int
    value: Money
    url: str


@dataclass(slots=True)
class Diagnosis:
    """The context of `transactions/_diagnosis.html`."""

    grave: bool = False
    happened: list[str] = field(default_factory=list)
    quote: str = ""
    quoted_system: str = ""
    same_cause: Alike | None = None
    memo: list[tuple[str, str]] = field(default_factory=list)
    options: list[tuple[str, bool]] = field(default_factory=list)
    offered: Ranked = field(default_factory=Ranked)
    locked: str = ""

    def context(self) -> dict[str, Any]:
        """By name, for the template."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def diagnose(chain: Chain, person: Person, now: datetime) -> Diagnosis:
    """Say what happened to the chosen transaction and what this person can do."""
    made = Diagnosis(grave=standing.is_stuck(chain.chosen))
    made.happened = _happened(chain, now)
    trouble = chain.trouble
    if trouble is not None and trouble.state in standing.STUCK:
        made.quote = _quote(chain, trouble)
        made.quoted_system = trouble.system.title if made.quote and trouble.system else ""
    made.memo = _memo(chain, now)
    if chain.letter is not None and made.grave:
        made.same_cause = _alike(chain.letter, person, now)
        made.memo += _seen_before(chain.letter, person)
    if standing.in_doubt(trouble):
        assert trouble is not None and trouble.system is not None
        made.locked = _locked(trouble, trouble.system.title)
    made.options = options_for(chain, now)
    made.offered = _offered(chain, made.same_cause, person, now)
    return made


def _offered(chain: Chain, alike: Alike | None, person: Person, now: datetime) -> Ranked:
    """What this person can do, the best first: a colleague's edit is decided before anything."""
    acts = actions_for(chain, person)
    first = 2 if chain.edited else 1  # the two words on an edit stand beside each other
    acts = [*acts[:first], *_links(chain, alike), *acts[first:]]
    acts += pause_actions.actions(chain.chosen, person, now)
    waits = next((one.id for one in acts if one.id == AGREE and one.allowed), "")
    return ranked(acts, waits)


def _locked(step: Step, system: str) -> str:
    """Why it is not simply sent again."""
    words = _(
        "It is not known whether it arrived. It is never sent again before %(system)s has been "
        "asked whether it exists."
    )
    if findings.decidable(step):
        words = _(
            "It is not known whether it arrived, and %(system)s cannot be asked. It is never sent "
            "again before a person has looked there."
        )
    return words % {"system": system}


def _happened(chain: Chain, now: datetime) -> list[str]:
    """Two sentences at most, the last of which says what has not happened."""
    one, trouble = chain.chosen, chain.trouble
    if one.is_over:
        return [_ended(chain), *_outcome(chain)]
    if one.gathering:
        return [_gathering(chain), _("Nothing has been billed yet.")]
    if trouble is not None:
        return [_troubled(chain, trouble), _not_yet(chain, trouble)]
    if one.state == TransactionState.WAITING:
        return [chain.mask.text(one.wait_text) or _("It waits."), _goes_on(chain)]
    current = next((step for step in chain.own if step.state not in FINISHED), None)
    where = heard(current.title) if current else _("the end")
    return [_("It is on its way, at “%(step)s”.") % {"step": where}, goal_of(chain)[1]]


def _troubled(chain: Chain, step: Step) -> str:
    words = {"step": heard(step.title), "system": step.system.title if step.system else ""}
    if standing.in_doubt(step):
        return _("“%(step)s” was sent, but %(system)s gave no answer that can be trusted.") % words
    if _quote(chain, step):
        if step.state == State.HELD:
            return _("%(system)s refused “%(step)s” because the period is closed.") % words
        return _("%(system)s refused “%(step)s”.") % words
    return chain.mask.text(step.text)


def _quote(chain: Chain, step: Step) -> str:
    """The system's own words, when it was the system that refused."""
    tries = chain.tries(step)
    refused = tries and tries[-1].purpose == Purpose.SEND and step.kind != Kind.UNKNOWN
    return chain.mask.text(step.text) if refused and step.system else ""


def _not_yet(chain: Chain, step: Step) -> str:
    """The negative that calms: what has not happened, as far as that is known."""
    if absences.is_absence(step.kind):
        return absences.outlook()
    reached, sentence = goal_of(chain)
    if reached:
        return sentence
    if step.state == State.UNKNOWN:
        return _("Whether it exists there is being asked; nothing is sent twice.")
    if standing.in_doubt(step):
        return _("It is not known whether it exists there; it has not been sent twice.")
    if step.sent_at is None:
        return f"{_('Nothing was sent.')} {sentence}"
    return sentence


def _goes_on(chain: Chain) -> str:
    return f"{_('It goes on by itself; nothing is lost.')} {goal_of(chain)[1]}"


def _gathering(chain: Chain) -> str:
    count = chain.chosen.items.count()
    return ngettext(
        "%(n)d approved entry is gathered for the next invoice.",
        "%(n)d approved entries are gathered for the next invoice.",
        count,
    ) % {"n": count}


def _ended(chain: Chain) -> str:
    one = chain.chosen
    if one.state == TransactionState.VERIFIED and one.process == month_end_close.WATCH.name:
        return _("What was late is over.")
    if one.state == TransactionState.VERIFIED and one.process == quote_to_cash.WATCH.name:
        return _("What was missing has arrived.")
    if one.state == TransactionState.VERIFIED:
        return _("It arrived, and was read back from the target: it is there, once.")
    last = one.timeline.filter(kind=one.state).order_by("-id").first()
    return chain.mask.text(last.text) if last else _("It has ended.")


def _outcome(chain: Chain) -> list[str]:
    reached, sentence = goal_of(chain)
    if reached or chain.chosen.state != TransactionState.VERIFIED:
        return [sentence]
    return []


def _memo(chain: Chain, now: datetime) -> list[tuple[str, str]]:
    step = chain.trouble or next((one for one in chain.own if one.state == State.SCHEDULED), None)
    if chain.chosen.gathering and chain.chosen.wait_until:
        due = chain.chosen.wait_until
        return [(_("Billing run"), formats.until(due, now) if due > now else _("due now"))]
    if step is None or not step.tries:
        return []
    words = _("%(n)d of %(most)d times") % {"n": min(step.tries, MOST_TRIES), "most": MOST_TRIES}
    if step.due_at and step.due_at > now and step.state not in standing.STUCK:
        words = _("%(tried)s, next %(at)s") % {
            "tried": words,
            "at": formats.when(step.due_at, now, zone=False),
        }
    elif step.state in standing.STUCK:
        words = _("%(tried)s; no further try by itself") % {"tried": words}
    return [(_("Tried"), words)]


def _seen_before(letter: DeadLetter, person: Person) -> list[tuple[str, str]]:
    """How often the person has seen this cause solved, and how the last time."""
    solved = exposure.within(
        exposure.Scope(person),
        DeadLetter.objects.filter(cause=letter.cause, state=LetterState.RESOLVED),
    )
    last = solved.order_by("-resolved_at", "-pk").first()
    if last is None or last.resolved_at is None:
        return [(_("Seen before"), _("Never"))] if letter.times == 1 else _again(letter)
    words = ngettext("%(n)d time", "%(n)d times", count := solved.count()) % {"n": count}
    how = _("%(words)s. Last time: %(how)s, after %(length)s") % {
        "words": words,
        "how": heard(last.get_resolution_display()).lower(),
        "length": formats.duration(last.resolved_at - last.opened_at),
    }
    return [(_("Seen before"), how)]


def _again(letter: DeadLetter) -> list[tuple[str, str]]:
    words = _("This one is back for the %(n)d. time") % {"n": letter.times}
    return [(_("Seen before"), words)]


def _alike(letter: DeadLetter, person: Person, now: datetime) -> Alike | None:
    others = (
        exposure.transactions(exposure.Scope(person))
        .filter(pk__in=DeadLetter.objects.open().filter(cause=letter.cause).values("transaction"))
        .exclude(pk=letter.transaction_id)
    )
    found = exposure.stake(exposure.priced(others))
    if not found.count:
        return None
    return Alike(
        found.count,
        Money.of(found.amount, exposure.reporting_currency()),
        reverse("exception", args=[letter.cause_id]),
    )


def _links(chain: Chain, alike: Alike | None) -> list[Action]:
    links = []
    if chain.replay is not None:
        url = reverse("job", args=[chain.replay.plan_id])
        words = _("See the replay that has it") if chain.replaying else _("See the planned replay")
        links.append(_link("job", words, url))
    if alike is not None:
        absent = chain.trouble is not None and absences.is_absence(chain.trouble.kind)
        words = _("See all %(n)d") if absent else _("Replay all %(n)d")
        words = words % {"n": alike.count + 1}
        links.append(_link("alike", words, alike.url))
    return links


def _link(name: str, words: str, url: str) -> Action:
    return Action(id=name, label=words, title="", url=url, confirm="", icon="layers", leads=True)
