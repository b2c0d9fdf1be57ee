"""Lists as files, read as a program reads them."""

from __future__ import annotations

import csv
import io
import warnings
from typing import Any

from django.test import Client


def downloaded(client: Client, url: str, **data: str) -> bytes:
    """The whole file. The product answers under ASGI; the test's client reads the stream to its
    end first, and warns of it."""
    answer: Any = client.post(url, data)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume asynchronous")
        return b"".join(answer)


def rows_of(client: Client, url: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by their columns."""
    return list(csv.DictReader(io.StringIO(downloaded(client, url).decode("utf-8-sig"))))
