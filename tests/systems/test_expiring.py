"""What says itself until when it is good."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from controltower.systems import calls, expiring
from controltower.systems.models import Credential, Feed, System
from tests.factories import found

UNTIL = datetime(2027, 3, 1, 12, tzinfo=UTC)


def certificate() -> str:
    """Self-signed, good until then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tower.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(UNTIL - timedelta(days=90))
        .not_valid_after(UNTIL)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def web_token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2lnbmVk"


def test_certificates_and_tokens_say_it() -> None:
    assert expiring.good_until(certificate()) == UNTIL
    assert expiring.good_until(web_token({"exp": int(UNTIL.timestamp())})) == UNTIL


@pytest.mark.parametrize(
    "secret",
    ["", "a password", "a.b.c", web_token({}), web_token([1]), web_token({"exp": "x"}),
     web_token({"exp": 10**20}), "-----BEGIN CERTIFICATE-----\nnonsense"],
)  # fmt: skip
def test_what_does_not_say_it_counts_as_unknown(secret: str) -> None:
    assert expiring.good_until(secret) is None


@pytest.mark.django_db
def test_it_is_read_where_it_is_and_only_the_date_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found()
    system = System.objects.get(slug="tryton")
    System.objects.filter(pk=system.pk).update(secrets={"certificate": "env:SOME_CERTIFICATE"})
    monkeypatch.setenv("SOME_CERTIFICATE", certificate())
    expiring.read_credentials(now=timezone.now())
    kept = Credential.objects.get(system=system)
    assert (kept.name, kept.expires_at, kept.source) == ("certificate", UNTIL, "itself")
    (one,) = [one for one in expiring.look(UNTIL - timedelta(days=40)) if one.system == system]
    assert not one.is_due(UNTIL - timedelta(days=31))
    assert one.is_due(UNTIL - timedelta(days=29))
    assert one.is_over(UNTIL)


@pytest.mark.django_db
def test_changes_that_nobody_reads_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    found(now)
    feed = Feed.objects.filter(system__slug="salesforce").first()
    assert feed is not None
    Feed.objects.filter(pk=feed.pk).update(polled_at=now)
    kept = calls.descriptor(feed.system).retention
    due = [one for one in expiring.look(now) if one.what == "changes"]
    assert [one.name for one in due] == ([feed.entity] if kept else [])
    assert not [one for one in due if one.is_due(now)]


@pytest.mark.django_db
def test_a_streams_place_ends_when_its_last_page_said() -> None:
    now = timezone.now()
    found(now)
    feed = Feed.objects.filter(system__slug="salesforce").first()
    assert feed is not None
    until = now + timedelta(hours=72)
    Feed.objects.filter(pk=feed.pk).update(polled_at=now, expires_at=until)
    (one,) = [one for one in expiring.look(now) if one.what == "changes"]
    assert (one.name, one.at) == (feed.entity, until)
    assert not one.is_due(now + timedelta(hours=35))
    assert one.is_due(now + timedelta(hours=37))
    assert one.is_over(until)
