"""Tours: workflows played against the running product, and proven in the systems' own books."""
