"""A pretend Microsoft Teams behind Microsoft Graph."""
