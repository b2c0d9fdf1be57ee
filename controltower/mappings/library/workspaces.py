"""Where a firm's projects have their papers and their people: the mappings of that."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "folder-to-documents",
        "Project → folder",
        "project",
        "documents",
        False,
        [
            copy("Folder name", "name", "name", required=True),
            copy("Title", "title", "title", required=True),
        ],
    ),
    (
        "room-to-chat",
        "Project → channel",
        "project",
        "chat",
        False,
        [
            copy("Channel name", "name", "name", required=True),
            copy("Purpose", "purpose", "purpose", required=True),
        ],
    ),
)
