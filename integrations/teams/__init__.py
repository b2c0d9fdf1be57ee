"""Microsoft Teams by Microsoft Graph, where the people of a project talk: a team for each
project."""
