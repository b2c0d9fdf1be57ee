"""BambooHR as one of the firm's HR systems: who works here, in what role, at what cost."""
