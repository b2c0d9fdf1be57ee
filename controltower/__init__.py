"""The Control Tower."""

VERSION = "0.1.0"
