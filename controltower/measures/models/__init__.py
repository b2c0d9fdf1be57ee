"""What the figures are kept in."""

from controltower.measures.models.assurance import Check
from controltower.measures.models.rollups import Delta, Figure, Kind, Rollup
from controltower.measures.models.standings import Standing
from controltower.measures.models.targets import Target

__all__ = ["Check", "Delta", "Figure", "Kind", "Rollup", "Standing", "Target"]
