"""The page docs/exceptions.md: each exception that a workflow raises by a rule of its own, or that
a system's refusal makes, and the runbook that is offered for it. Made of the rules' own source,
the milestones and the firm's runbooks.

``python -m tests.incidents.exceptions_page`` writes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from controltower import processes
from controltower.canonical.verdicts import Kind
from controltower.incidents import matching
from controltower.incidents.library.anything import STEPS
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.processes import catalogue

ROOM = Path(processes.__file__).parent
PAGE = ROOM.parents[1] / "docs" / "exceptions.md"
HOLE, LONGEST = "…", 150
NO_RUNBOOK = "**none**"
BY_THE_ENGINE = frozenset({Kind.OUTAGE, Kind.RATE_LIMITED})
"""What is waited out, however long it lasts: the system itself is the matter then."""
INTRO = """# What can go wrong, and the runbook for it

<!-- made by `python -m tests.incidents.exceptions_page`; a test keeps it true -->

Each exception that a workflow raises by a rule of its own, with … for what differs from case to
case; what has not come in time; and what a system's refusal comes to at any step. The runbook is
the one that fits best of those the sandbox firm has agreed on.

"""


@dataclass(frozen=True, slots=True)
class Stop:
    """What stops a workflow: the module of the rule, the kind, its words, and at which steps."""

    module: str
    kind: str
    text: str
    steps: tuple[str, ...]


@cache
def stops() -> tuple[Stop, ...]:
    """Every `Refuse` in the rules, with the words that it may be given."""
    found = (stop for path in sorted(ROOM.glob("*.py")) for stop in _in(path))
    return tuple(dict.fromkeys(found))


def _in(path: Path) -> Iterator[Stop]:
    for scope in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(scope, ast.FunctionDef):
            yield from _of(path.stem, scope)


def _of(module: str, scope: ast.FunctionDef) -> Iterator[Stop]:
    """A name holds what it was given since the refusal before."""
    said: dict[str, list[str]] = {}
    for node in sorted(ast.walk(scope), key=lambda one: getattr(one, "lineno", 0)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                said.setdefault(name, []).append(_words(value))
            case ast.Call(func=ast.Name(id="Refuse"), args=[ast.Attribute(attr=kind), text, *_]):
                given = said.get(text.id, []) if isinstance(text, ast.Name) else [_words(text)]
                for words in given or [HOLE]:
                    yield Stop(module, str(Kind[kind]), words, tuple(STEPS))
                said.clear()


def _words(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_words, parts))
        case ast.BinOp(left=left, right=right):
            return _words(left) + _words(right)
    return HOLE


def runbook_for(stop: Stop) -> str:
    """The title of the runbook that fits best, or that there is none."""
    about = [({"kinds": stop.kind, "steps": step, "systems": ""}, stop.text) for step in stop.steps]
    scored = [(matching.score(fits, about), title) for _slug, title, fits, _rules in RUNBOOKS]
    best, title = max(scored, key=lambda one: one[0])
    return title if best else NO_RUNBOOK


def workflows_of(module: str) -> list[str]:
    """The titles of the workflows that a module's rules are of."""
    own = {one.steps.__module__.rpartition(".")[2]: one.title for one in catalogue.WORKFLOWS}
    if module in own:
        return [own[module]]
    return [title for name, title in own.items() if module in _used_by(name, frozenset(own))]


@cache
def _used_by(module: str, workflows: frozenset[str]) -> frozenset[str]:
    """The modules of shared rules that one rests on, other workflows left out."""
    tree = ast.parse((ROOM / f"{module}.py").read_text(encoding="utf-8"))
    named = {name for node in ast.walk(tree) for name in _imported(node)} - workflows
    return frozenset(named).union(*(_used_by(name, workflows) for name in named))


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module="controltower.processes", names=names):
            yield from (one.name for one in names)
        case ast.ImportFrom(module=str(module)) if module.startswith("controltower.processes."):
            yield module.rpartition(".")[2]


def absences() -> list[Stop]:
    """What has not come in time."""
    return [
        Stop(watch.title, "missing", one.missing, (one.name,))
        for watch in catalogue.WATCHES
        for one in watch.milestones
        if one.missing
    ]


def refusals() -> list[Stop]:
    """What a system may answer to a step, in words that nobody knows beforehand."""
    return [Stop("", str(kind), HOLE, ("post",)) for kind in Kind if kind not in BY_THE_ENGINE]


def page() -> str:
    """The page as it should stand."""
    ruled = [(", ".join(workflows_of(stop.module)) or "several", stop) for stop in stops()]
    late = [(stop.module, stop) for stop in absences()]
    told = [("any", stop) for stop in refusals()]
    parts = (
        ("Stopped by a rule", ruled),
        ("Not come in time", late),
        ("Refused by a system", told),
    )
    return INTRO + "\n".join(f"## {title}\n\n{_table(rows)}" for title, rows in parts)


def _table(rows: Iterable[tuple[str, Stop]]) -> str:
    head = "| workflow | exception | kind | runbook |\n|---|---|---|---|\n"
    lines = sorted(
        f"| {workflow} | {_short(stop.text)} | {stop.kind} | {runbook_for(stop)} |\n"
        for workflow, stop in rows
        if stop.text.strip(f"{HOLE} .") or not stop.module
    )
    return head + "".join(dict.fromkeys(lines))


def _short(text: str) -> str:
    text = text.replace("|", "/")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()} {HOLE}"
