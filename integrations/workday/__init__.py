"""Workday as one of the firm's HR systems: who works here, at what cost, and who is away."""
