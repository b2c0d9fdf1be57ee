"""Any system of a known shape, described by data: no code of ours knows its name."""
