"""The pretend firm: servers that speak each vendor's protocol and can be told to fail."""
