"""One command's worth of a living tower: what runs, what restarts it, how it ends.

Standard library and ``controltower.embedded`` only: the supervisor outlives anything it starts,
and speaks to the product through processes, an environment and files below the home.
"""
