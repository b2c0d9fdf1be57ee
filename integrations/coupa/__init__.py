"""Coupa as the firm's spend system: what was bought for a project, and what became of it."""
