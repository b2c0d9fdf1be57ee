"""What the engine said, in the viewer's language.

The rooms below the pages speak English, and what they say is kept as it was said. A sentence is
recognised here by the catalogue's messages, its values are taken out, and it is said anew
(docs/decisions/0042). What is not recognised, such as a vendor's own words, is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise, lazy
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, to_locale

from controltower.web.said_figures import figure, money, quantity

if TYPE_CHECKING:
    from controltower.firm.models import Person

HOLE = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}|%%")
LONGEST = 1000
"""What is longer is quoted from elsewhere."""
CHOICE = " or "
LEAST = 8
"""So many characters of its own make a sentence recognisable."""
SAYS = 5
"""A word of so many letters says something by itself."""
TITLE = re.compile(r"[A-Z][a-z]+ %\(name\)s")
"""A short one that is what something is called: "Client Meridian"."""
LED = re.compile(r"(?P<value>-?\d[\d,]*\.\d\d) (?P<currency>[A-Z]{3}) (?P<rest>\D.+)")
"""What an amount leads."""
LISTED = re.compile(r"(?P<what>.+) \((?P<why>[^()]+)\)")
SIGNS = {"code", "id", "known", "name", "number", "numbers", "ref", "reference", "version"}
"""The holes of what somebody else has given: it may look like a quantity, and is none."""
OPENED = ("“", "„", '"')
SENTENCE = r"(?<=[.!?]) (?=\S)"
"""Where a sentence of a message ends; a quotation within it ends otherwise in each language."""
SEAMS = ((r"(?<=[.!?]) (?=\S)|(?<=”) (?=[A-Z“])", " "), (": ", ": "), (" → ", " → "), ("; ", "; "))
"""Where what was put together from several sayings comes apart, and how it is joined again."""


class Shape(NamedTuple):
    """A message with holes: `sure` is the longest part of it that is in every text of its shape."""

    sure: str
    pattern: re.Pattern[str]
    anew: str


class Sayings(NamedTuple):
    """What one language knows: whole texts, and shapes with holes, those that say most first."""

    whole: Mapping[str, str]
    shaped: tuple[Shape, ...]


def heard(said: Any) -> Any:
    """A text of the engine in the viewer's language, or as it is; what is no text is let pass."""
    language = get_language() or settings.LANGUAGE_CODE
    if language == settings.LANGUAGE_CODE or isinstance(said, SafeString):
        return said
    if not said or not isinstance(said, str | Promise):
        return said
    return "\n".join(_anew(line, language) for line in str(said).split("\n"))


def heard_by(person: Person, said: str) -> str:
    """A text of the engine in the language of somebody to whom it is sent."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        return str(heard(said))


heard_lazy = lazy(heard, str)
"""For words that are put down before it is known who reads them."""


@lru_cache(maxsize=8192)
def _anew(text: str, language: str) -> str:
    every = sayings(language)
    if (found := every.whole.get(text)) is not None:
        return found
    if kinds := _kinds(text, language):
        return kinds
    if len(text) > LONGEST or " " not in text:
        return text
    if found := _sentence(text, language):
        return found
    if found := _part_of_cause(text, language):
        return found
    for seam, joint in SEAMS:
        first, *rest = re.split(seam, text, maxsplit=1)
        if rest:
            return _part(first, language) + joint + _part(rest[0], language)
    return text


def _sentence(text: str, language: str) -> str:
    """One saying; a cause is named by a sentence without its full stop, and what is said of a part
    ends a sentence elsewhere. "" when it is not known."""
    every, stopped = sayings(language).whole, f"{text}."
    if whole := every.get(stopped):
        return whole.removesuffix(".")
    if text.endswith(".") and (whole := every.get(text[:-1])):
        return f"{whole}."
    found = _part_of_known(text, language) or _shaped(text, language) or _led(text, language)
    if found := found or _shaped(stopped, language).removesuffix("."):
        return found
    open_ended = _shaped(text[:-1], language) if text.endswith(".") else ""
    return f"{open_ended}." if open_ended else ""


def _shaped(text: str, language: str) -> str:
    """A text whose shape is known, said anew with its values; "" when it is not."""
    every = sayings(language)
    for shape in every.shaped:
        if shape.sure in text and (match := shape.pattern.fullmatch(text)):
            if _begins_with_another(match, every.whole):
                continue
            return shape.anew % {name: _value(name, match, language) for name in match.groupdict()}
    return ""


def _value(name: str, match: re.Match[str], language: str) -> str:
    """What stands in a hole; a quotation and what somebody has numbered are no quantities."""
    text = match[name]
    is_sign = name.rstrip("0123456789") in SIGNS
    if is_sign or match.string[: match.start(name)].endswith(OPENED):
        return _part(text, language)
    return quantity(text, language) or _part(text, language)


def _begins_with_another(match: re.Match[str], whole: Mapping[str, str]) -> bool:
    """Whether a shape that begins with a value has swallowed a saying that stands before it: "New
    incident: Our sign-in to Coupa is" refused. What follows a colon of theirs is in a value; the
    shape's own words may follow one too ("Create the project: not needed."). So is what follows a
    sentence that is known as it stands."""
    text = match.string
    if not text.startswith(match.groups()[:1]):
        return False
    values = [match.span(name) for name in match.groupdict()]
    first, *rest = re.split(SENTENCE, text, maxsplit=1)
    is_known = first in whole or first.removesuffix(".") in whole
    if rest and is_known and any(start <= len(first) < end for start, end in values):
        return True
    return any(
        text[: colon.start()].rpartition(": ")[2] in whole
        and any(start <= colon.end() < end for start, end in values)
        for colon in re.finditer(": ", text)
    )


def _part_of_known(text: str, language: str) -> str:
    """A part of a cause that is a saying as it stands, which a shape would take to pieces."""
    whole, found = sayings(language).whole, LISTED.fullmatch(text)
    what = whole.get(f"{found['what']}.", "").removesuffix(".") if found else ""
    return f"{what} ({_part(found['why'], language)})" if found and what else ""


def _part_of_cause(text: str, language: str) -> str:
    """A cause of which a part stands alone: what it says, and the part in brackets; "" when it is
    none, or not known."""
    found = LISTED.fullmatch(text)
    what = _sentence(found["what"], language) if found else ""
    return f"{what} ({_part(found['why'], language)})" if found and what else ""


def _led(text: str, language: str) -> str:
    """What is said of an amount that stands before it; "" when that is not known."""
    found = LED.fullmatch(text)
    rest = _anew(found["rest"], language) if found else ""
    amount = found and money(found["value"], found["currency"], language)
    return f"{amount} {rest}" if found and rest != found["rest"] else ""


def _kinds(text: str, language: str) -> str:
    """A label in the midst of a sentence, or a choice of them: "invoice", "auditor or PMO lead";
    "" when one of them is none."""
    whole, labels = sayings(language).whole, text.replace("_", " ").split(CHOICE)
    found = [whole.get(one[:1].upper() + one[1:], "") for one in labels]
    either = gettext("or")
    return f" {either} ".join(found) if all(found) else ""


def _part(text: str, language: str) -> str:
    """A value or a piece: one word with a capital is a name, such as a system's; amounts and days
    are written as the language writes them."""
    if found := figure(text, language):
        return found
    if text.istitle() and text.isalpha():
        return text
    return _listed(text, language) or _anew(text, language)


def _listed(text: str, language: str) -> str:
    """What is followed by its grounds, "Loutre SA (the same name and city)", when all are known."""
    whole, found = sayings(language).whole, LISTED.fullmatch(text)
    grounds = [whole.get(one, "") for one in found["why"].split(", ")] if found else []
    return f"{found['what']} ({', '.join(grounds)})" if found and all(grounds) else ""


def known(text: str, language: str) -> bool:
    """Whether a text is a message of the language's catalogue, with or without values."""
    every = sayings(language)
    shaped = (one for one in every.shaped if one.sure in text)
    return text in every.whole or any(one.pattern.fullmatch(text) for one in shaped)


@cache
def sayings(language: str) -> Sayings:
    """The messages of a language's compiled catalogue; none where there is no catalogue."""
    path = settings.LOCALE_PATHS[0] / to_locale(language) / "LC_MESSAGES" / "django.mo"
    if not path.exists():
        return Sayings({}, ())
    with path.open("rb") as file:
        catalogue = read_mo(file)
    texts = {
        message.id: message.string
        for message in catalogue
        if message.id
        and not message.context
        and isinstance(message.id, str)
        and isinstance(message.string, str)
    }
    led = {id_[:-2]: text[:-2] for id_, text in texts.items() if id_.endswith(": ")}
    texts = _sentences(texts) | led | texts
    shaped = sorted(filter(_is_shape, texts), key=_own_length, reverse=True)
    return Sayings(
        {id_.replace("%%", "%"): text.replace("%%", "%") for id_, text in texts.items()},
        tuple(Shape(_sure(id_), _pattern(id_), _named(texts[id_])) for id_ in shaped),
    )


def _sentences(texts: Mapping[str, str]) -> dict[str, str]:
    """The single sentences of longer messages, for whoever keeps but one of them."""
    found: dict[str, str] = {}
    for id_, text in texts.items():
        said, anew = re.split(SENTENCE, id_), re.split(SENTENCE, text)
        if len(said) == len(anew) > 1:
            found |= {
                one: other
                for one, other in zip(said, anew, strict=True)
                if _holes(one) == _holes(other) and _own_length(one) >= LEAST
            }
    return found


def _holes(text: str) -> set[str]:
    return set(HOLE.findall(text))


def _is_shape(text: str) -> bool:
    if TITLE.fullmatch(text):
        return True
    return HOLE.search(text) is not None and _own_length(text) >= LEAST and not _is_mute(text)


def _is_mute(text: str) -> bool:
    """Whether it is but values with small words between them, as many a sentence has them: "%(a)s
    of %(b)s from %(c)s"."""
    first, *between, last = HOLE.sub("\0", text).split("\0")
    return not (first or last) and all(len(word) < SAYS for word in " ".join(between).split())


def _own_length(text: str) -> int:
    return len(HOLE.sub("", text))


def _sure(text: str) -> str:
    return max(re.split(r"%\(\w+\)[sd]|\{\w+\}|%%", text), key=len)


def _pattern(text: str) -> re.Pattern[str]:
    """The shape of a message: its own words as they are, anything in its holes."""
    shape, at, names = "", 0, set[str]()
    for hole in HOLE.finditer(text):
        name = hole[1] or hole[2]
        shape += re.escape(text[at : hole.start()])
        shape += "%" if name is None else f"(?P={name})" if name in names else f"(?P<{name}>.+?)"
        names.add(name)
        at = hole.end()
    return re.compile(shape + re.escape(text[at:]))


def _named(text: str) -> str:
    """The translation with its holes as `%(name)s`."""
    return HOLE.sub(lambda hole: f"%({hole[1] or hole[2]})s" if hole[0] != "%%" else "%%", text)
