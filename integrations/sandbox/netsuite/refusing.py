"""The vendor's no."""

from __future__ import annotations


class Fault(Exception):
    """HTTP status, code, words, and the path of what is wrong."""

    def __init__(self, status: int, code: str, words: str, path: str = "") -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.path = status, code, words, path
