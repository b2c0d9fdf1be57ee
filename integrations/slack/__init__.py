"""Slack, where the people of a project talk: a channel for each project, and notices in it."""
