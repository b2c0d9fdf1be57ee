"""The catalogues of words: compiled when the tower starts, and gathered from the sources.

GNU gettext is not needed for either. Below the pages nothing is marked as translatable: what the
rooms say is found in their sources, since all that reads like a sentence there is meant for people
(`sayings.py` recognises it again when it is shown).
"""

from __future__ import annotations

import ast
import io
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from controltower.web.sayings import LEAST

log = logging.getLogger(__name__)

KEYWORDS = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
LISTED = "each_of"
"""The function of `plain_names.py` that is given many words at once."""
MACHINERY = (
    "embedded", "supervisor", "bootstrap.py", "settings.py", "migrations", "commands",
    "founding_file.py",
)  # fmt: skip
"""What speaks to operators of the machine, on a terminal, in English."""
PROGRAMS = ("cloud_event.py", "strict_json.py", "tours")
"""What programs are told by the door, and tours."""
DEMO, DEMO_DATA = "demo", ("firm.py", "plenty.py", "surroundings.py", "interfaces.py")
"""What the demo firm has agreed to is shown as it is worded; these are its data alone."""
TO_PROGRAMS = {"ValueError", "TypeError", "RuntimeError", "LookupError", "KeyError"}
NAMED = {"title", "label"}
"""What is given under these names is shown, be it one word."""
RULES = {"copy", "constant", "table", "each"}
"""The rules of a mapping, whose first word is their label."""
SAID = re.compile(r"(?=[A-Z“%{]|.*\.\Z)(?![A-Z_]{2,}\b)(?=.*[^\W\d_]{2}).* .*")
"""One line of more than a word, that begins or ends like a sentence and is not SQL."""
PRETEND = "sandbox"
"""The servers of the pretend firm speak as their vendors do."""
CODE = re.compile(r"[=<>|\\!]| AND | LIKE | IN |, Id\b")
"""What a connector says to its system, not to people."""
HOLE = re.compile(r"%\(\w+\)s|\{\w+\}")


def compile_all(sources: Path, compiled: Path) -> None:
    """Make of every catalogue below `sources` what Python reads at run time, below `compiled`, when
    it is not there yet or of another date. Without a place to write, pages speak English."""
    for source in sources.glob("*/LC_MESSAGES/*.po"):
        target = compiled / source.relative_to(sources).with_suffix(".mo")
        written = source.stat().st_mtime_ns
        if target.exists() and target.stat().st_mtime_ns == written:
            continue
        try:
            _compile(source, target, written)
        except OSError as refused:
            log.warning("The catalogue %s could not be compiled: %s", source, refused)


def _compile(source: Path, target: Path, written: int) -> None:
    """Several processes may start at once: each puts a whole file in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as draft:
        write_mo(draft, read(source))
    os.utime(draft.name, ns=(written, written))
    Path(draft.name).replace(target)


def read(source: Path) -> Catalog:
    """A catalogue as it is kept."""
    with source.open("rb") as file:
        return read_po(file)


def refresh(source: Path, repository: Path) -> list[str]:
    """Bring a catalogue up to date with the sources, and name the messages without a translation.
    What the sources no longer say is dropped."""
    catalogue = read(source)
    catalogue.update(gathered(repository), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with source.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, omit_header=False)
    return missing(catalogue)


def missing(catalogue: Catalog) -> list[str]:
    """The messages that are not translated, only in the singular, or in doubt."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and (message.fuzzy or not all(_forms(message.string)))
    ]


def _forms(string: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (string or "",) if string is None or isinstance(string, str) else tuple(string)


def gathered(repository: Path) -> Catalog:
    """Every message that the sources hold, in no language."""
    found = Catalog()
    for path in sorted((repository / "templates").rglob("*.html")):
        _add_marked(found, _as_python(path.read_text()))
    for path in sorted(_of_people(repository)):
        source = path.read_text()
        if "gettext" in source:
            _add_marked(found, source)
        elif "web" not in path.parts or DEMO in path.parts:
            for saying in sayings_in(source):
                found.add(saying)
    for saying in _of_connectors(repository):
        found.add(saying)
    return found


def _of_connectors(repository: Path) -> Iterator[str]:
    for path in sorted((repository / "integrations").rglob("*.py")):
        if PRETEND not in path.parts:
            yield from filter(_is_told, sayings_in(path.read_text()))


def _is_told(saying: str) -> bool:
    """A sentence of a connector; its shorter texts are names that its system gives."""
    return len(saying.split()) > 2 and not CODE.search(saying)


def _of_people(repository: Path) -> Iterator[Path]:
    for path in (repository / "controltower").rglob("*.py"):
        parts = path.relative_to(repository).parts
        if DEMO in parts and path.name in DEMO_DATA:
            continue
        if not {*MACHINERY, *PROGRAMS} & set(parts):
            yield path


def _as_python(template: str) -> str:
    """A template as the calls to gettext that it stands for."""
    return re.sub(r"(?m)^[ \t]+", "", templatize(template))


def _add_marked(found: Catalog, source: str) -> None:
    marked = extract("python", io.BytesIO(source.encode()), KEYWORDS)
    for _line, message, _comments, context in marked:
        found.add(message, context=context)
    for node in ast.walk(ast.parse(source)) if LISTED in source else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == LISTED:
            for word in str(ast.literal_eval(node.args[0])).split(";"):
                found.add(" ".join(word.split()))


def sayings_in(source: str) -> Iterator[str]:
    """The sentences in a module that calls no gettext, with holes for their values:
    `f"No client {client.code}."` is "No client %(code)s."."""
    tree = ast.parse(source)
    silent = {id(node) for part in ast.walk(tree) for node in _not_said(part)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        if isinstance(node, ast.ClassDef):
            yield from _labels(node)
        elif named := _named(node):
            yield named
        elif _is_said(text := _shape(node)):
            yield text


def _named(node: ast.AST) -> str:
    """What is given as a title or a label, or first to a rule of a mapping."""
    if isinstance(node, ast.keyword) and node.arg in NAMED:
        return _shape(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RULES:
        return _shape(node.args[0])
    return ""


def _is_said(text: str) -> bool:
    """A sentence; one with holes says enough of its own to be recognised, and what compares a hole
    is SQL."""
    own = HOLE.sub("%", text)
    if " = '%(" in text:
        return False
    return bool(SAID.fullmatch(own)) and (own == text or len(HOLE.sub("", text)) >= LEAST)


def _labels(node: ast.ClassDef) -> list[str]:
    """The words of a list of choices."""
    if not any(
        isinstance(base, ast.Attribute) and base.attr == "TextChoices" for base in node.bases
    ):
        return []
    values = [line.value for line in node.body if isinstance(line, ast.Assign)]
    return [str(ast.literal_eval(value)[1]) for value in values if isinstance(value, ast.Tuple)]


def _not_said(part: ast.AST) -> Iterator[ast.AST]:
    """What is no sentence for people: docstrings, parts of longer texts, what programs are told."""
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
        yield part.value
    elif isinstance(part, ast.JoinedStr):
        yield from part.values
    elif _is_for_programs(part):
        yield from ast.walk(part)


def _is_for_programs(part: ast.AST) -> bool:
    """The names of rows, logs, and the faults of our own."""
    if isinstance(part, ast.FunctionDef):
        return part.name in {"__str__", "__repr__"}
    if not isinstance(part, ast.Call):
        return False
    called = part.func
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id in {"log", "re"}
    return isinstance(called, ast.Name) and called.id in TO_PROGRAMS


def _shape(node: ast.AST) -> str:
    """A text with named holes; each name once, after the last word of what fills it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    text, names = "", list[str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value).replace("%", "%%")
        elif isinstance(part, ast.FormattedValue):
            name = (re.findall(r"[a-z_]+", ast.unparse(part.value).lower()) or ["value"])[-1]
            names.append(name)
            again = names.count(name)
            text += f"%({name}{again if again > 1 else ''})s"
    return text
