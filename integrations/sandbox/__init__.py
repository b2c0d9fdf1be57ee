"""The pretend firm: servers that speak each vendor's protocol, keep state and can be told to fail."""
