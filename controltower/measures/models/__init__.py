"""What the figures are kept in."""

from controltower.measures.models.rollups import Delta, Figure, Kind, Rollup

__all__ = ["Delta", "Figure", "Kind", "Rollup"]
