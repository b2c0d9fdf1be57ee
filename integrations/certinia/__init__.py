"""Certinia as the firm's PSA: projects, time, expenses, milestones and billing events."""
