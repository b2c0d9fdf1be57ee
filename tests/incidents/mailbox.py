"""A small mail server that keeps what it is given, and can be told to refuse or to fall silent."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from threading import Thread
from typing import Any

import pytest

from integrations.sandbox.ports import free_port


class Mailbox(socketserver.ThreadingTCPServer):
    """`refuse` is the code with which the next recipients are refused, 0 for none; while `drop` is
    set, a mail is kept and the connection broken before it is acknowledged."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int) -> None:
        self.mails: list[Message] = []
        self.refuse, self.drop = 0, False
        super().__init__(("127.0.0.1", port), Conversation)


class Conversation(socketserver.StreamRequestHandler):
    """One connection: what SMTP needs for a mail without extensions."""

    def handle(self) -> None:
        box = self.server
        assert isinstance(box, Mailbox)
        self._say("220 mailbox")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "QUIT":
                return self._say("221 bye")
            if word == "RCPT" and box.refuse:
                self._say(f"{box.refuse} not here")
            elif word == "DATA":
                self._say("354 go on")
                box.mails.append(self._mail())
                if box.drop:
                    return None
                self._say("250 taken")
            else:
                self._say("250 well")
        return None

    def _mail(self) -> Message:
        lines: list[str] = []
        while (line := self.rfile.readline().decode()) not in {".\r\n", ""}:
            lines.append(line)
        return message_from_string("".join(lines))

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server on a port of its own, ended afterwards."""
    with Mailbox(free_port()) as box:
        thread = Thread(target=box.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            box.shutdown()
            thread.join()


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    """The mail server that the tower sends by."""
    with mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.server_address[1]
        settings.EMAIL_HOST_USER, settings.EMAIL_USE_TLS = "", False
        settings.ADDRESS = "https://tower.example"
        yield found
