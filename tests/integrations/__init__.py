"""Connectors and sandboxes. What the shared checks assert is explained as a test's own is."""

import pytest

pytest.register_assert_rewrite("tests.integrations.conformance", "tests.integrations.erp")
