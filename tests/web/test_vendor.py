"""What is vendored is what its page says: hashes, licences, nothing unlisted, and small enough."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import django_htmx
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "controltower" / "static"
LISTED = dict(
    re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", (STATIC / "VENDOR.md").read_text(), re.M)
)
OWN = {"icons/tower.svg"}
FIRST_LOAD = 150 * 1024
OWN_SCRIPTS = 12 * 1024


def test_hashes_are_as_listed() -> None:
    assert LISTED
    for name, digest in LISTED.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_nothing_is_shipped_unlisted() -> None:
    found = {
        str(path.relative_to(STATIC))
        for folder in ("fonts", "icons", "vendor")
        for path in (STATIC / folder).iterdir()
        if path.suffix in {".js", ".woff2", ".svg"}
    }
    assert found - OWN == set(LISTED)


def test_every_licence_lies_beside_its_files() -> None:
    for name in (
        "fonts/newsreader.OFL.txt",
        "fonts/hanken-grotesk.OFL.txt",
        "fonts/ibm-plex-mono.OFL.txt",
        "icons/lucide.LICENSE.txt",
        "vendor/idiomorph.LICENSE.txt",
    ):
        assert (STATIC / name).stat().st_size > 500, name


def test_own_scripts_stay_small() -> None:
    assert sum(path.stat().st_size for path in (STATIC / "js").glob("*.js")) <= OWN_SCRIPTS


def test_first_load_stays_small_without_fonts() -> None:
    htmx = Path(django_htmx.__file__).parent / "static" / "django_htmx"
    files = [
        *STATIC.glob("css/*.css"), *STATIC.glob("js/*.js"), *STATIC.glob("vendor/*.js"),
        STATIC / "icons" / "sprite.svg",
        htmx / "htmx-2.min.js", htmx / "ext" / "hx-preload-2.min.js",
    ]  # fmt: skip
    page_itself = 20 * 1024
    assert sum(len(gzip.compress(f.read_bytes())) for f in files) + page_itself < FIRST_LOAD


def test_every_face_named_in_the_sheet_exists() -> None:
    sheet = (STATIC / "css" / "fonts.css").read_text()
    for name in re.findall(r'url\("\.\./(fonts/[^"]+)"\)', sheet):
        assert (STATIC / name).is_file(), name
