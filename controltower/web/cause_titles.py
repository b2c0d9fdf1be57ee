"""What a list calls its causes: those of one title by what tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain, combinations

from django.db.models import QuerySet

from controltower.incidents.models import Cause, DeadLetter
from controltower.web import privacy, standing
from controltower.web.sayings import heard

OURS = "Control Tower"
TELLING = ("system", "process", "company", "step", "field", "kind")
"""What may tell two causes of one title apart, the plainest first."""
OF_LETTERS = {
    "process": "transaction__process",
    "company": "transaction__entity__code",
    "step": "step__title",
    "field": "step__field",
}
"""Where the letters of a cause say it."""
Traits = Mapping[str, str]


def titles(causes: Sequence[Cause], letters: QuerySet[DeadLetter]) -> dict[int, str]:
    """The titles by cause. To those that are the same the least is added that tells most of them
    apart, as far as these letters say it: they are what the person sees."""
    found = {cause.pk: privacy.masked_text(cause.title) for cause in causes}
    alike = defaultdict[str, list[Cause]](list)
    for cause in causes:
        alike[found[cause.pk]].append(cause)
    twins = [group for group in alike.values() if len(group) > 1]
    traits = _traits(list(chain.from_iterable(twins)), letters)
    for group in twins:
        names = _telling([traits[one.pk] for one in group])
        for one in group:
            said = ", ".join(traits[one.pk][name] for name in names)
            found[one.pk] += f" ({said})" if said else ""
    return found


def _telling(twins: Sequence[Traits]) -> Sequence[str]:
    """Of what each of them has one of, the shortest choice that tells most of them apart."""
    shared = [name for name in TELLING if all(name in one for one in twins)]
    choices = chain.from_iterable(combinations(shared, n) for n in range(len(shared) + 1))
    return max(choices, key=lambda names: len({tuple(one[n] for n in names) for one in twins}))


def _traits(causes: Sequence[Cause], letters: QuerySet[DeadLetter]) -> dict[int, Traits]:
    """What is one and the same for all that hangs on each cause, in words."""
    if not causes:
        return {}
    found = {one.pk: _own(one) for one in causes}
    rows = letters.filter(cause__in=causes).order_by().distinct()
    for cause, *values in rows.values_list("cause", *OF_LETTERS.values()):
        for name, value in zip(OF_LETTERS, values, strict=True):
            found[cause][name].add(value or "")
    return {
        pk: {name: _word(name, *values) for name, values in own.items() if _is_one(values)}
        for pk, own in found.items()
    }


def _own(cause: Cause) -> dict[str, set[str]]:
    own = defaultdict[str, set[str]](set)
    own["system"], own["kind"] = {cause.system.title if cause.system else OURS}, {cause.kind}
    return own


def _is_one(values: set[str]) -> bool:
    return len(values) == 1 and "" not in values


def _word(name: str, value: str) -> str:
    if name == "process":
        return standing.process_title(value)
    if name == "step":
        return str(heard(value))
    return value.replace("_", " ") if name in {"field", "kind"} else value
