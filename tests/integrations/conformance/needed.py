"""What a connector says that a connection needs is what it reads, neither more nor less."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from integrations.connector import ChangeFeed, Receiver
from integrations.needed import MESSAGES, Shape
from integrations.telling import Subscriber
from tests.integrations.conformance.declarations import ROOM
from tests.integrations.conformance.needs import declared, fed, hears, needs, signs_in
from tests.integrations.recorded import Recorded
from tests.integrations.subject import Subject

STAND_IN: dict[Shape, Any] = {Shape.NUMBER: 1, Shape.YES_NO: False, Shape.NAMES: ()}


class Needed:
    """Secrets, options and feeds."""

    @needs(declared)
    async def test_what_is_read_of_a_connection_is_declared(self, subject: Subject) -> None:
        """And what is declared is read: by setting out, signing in, reading, or hearing."""
        said, hearing = subject.descriptor().needs, hears(type(subject))
        options, secrets = _options(subject), Recorded(subject.connection.secrets)
        messages = await subject.messages(1) if hearing else []
        subject.connect(replace(subject.connection, options=options))
        if signs_in(type(subject)):
            subject.control.order("auth_expired", count=1)
        real = Recorded(subject.connection.options)
        async with subject.elsewhere(secrets=secrets, options=real) as connector:
            await connector.health()
            if fed(type(subject)):
                await connector.read_changes(subject.feed, "", 1)
            if isinstance(connector, Receiver) and messages:
                connector.verify_inbound(*messages[0], datetime.now(UTC))
            # read by the tower itself, of whose subscriptions it sees to
            of_the_tower = {MESSAGES.name} if isinstance(connector, Subscriber) else set()
        assert set(secrets.asked) == {one.name for one in said.secrets}
        assert set(options.asked) | of_the_tower == {one.name for one in said.options}
        assert set(real.asked) <= {one.name for one in said.options} | {"stream"}

    @needs(declared)
    def test_a_default_is_what_holds_where_nothing_is_said(self, subject: Subject) -> None:
        options = _options(subject)
        subject.connect(replace(subject.connection, options=options))
        for one in subject.descriptor().needs.options:
            default = options.asked.get(one.name)
            assert one.required or default in (None, (), "", one.default), one.name

    @needs(declared)
    def test_a_required_option_has_no_default(self, subject: Subject) -> None:
        for one in subject.descriptor().needs.options:
            assert not (one.required and one.default is not None), one.name

    @needs(declared)
    def test_every_feed_says_how_often_it_is_read(self, subject: Subject) -> None:
        said = subject.descriptor()
        fed = {name for name, kind in said.feeds.items() if kind is not ChangeFeed.NONE}
        assert set(said.needs.feeds) == fed
        assert all(one.every > 0 and one.tells for one in said.needs.feeds.values())

    @needs(declared, fed)
    async def test_what_a_feed_tells_is_declared(self, subject: Subject) -> None:
        cursor = await subject.drained()
        await subject.make_facts(1)
        told = {change.event.type for change in await subject.changes(cursor)}
        assert told
        assert told <= set(subject.descriptor().needs.feeds[subject.feed].tells)

    @needs(declared)
    def test_its_page_names_what_a_connection_needs(self, subject: Subject) -> None:
        page = (ROOM / subject.name / "README.md").read_text(encoding="utf-8")
        said = subject.descriptor().needs
        for name in [one.name for one in said.secrets] + [one.name for one in said.options]:
            assert re.search(rf"\b{name.rpartition('.')[2]}\b", page), name


def _options(subject: Subject) -> Recorded:
    """The subject's options with all groups that the connector declares, so that they are read."""
    held = dict(subject.connection.options)
    groups = set()
    for one in subject.descriptor().needs.options:
        group, dot, name = one.name.partition(".")
        if dot:
            groups.add(group)
            stand_in = STAND_IN.get(one.shape, "http://127.0.0.1:9")
            held[group] = {name: stand_in, **held.get(group, {})}
    return Recorded(held, frozenset(groups))
