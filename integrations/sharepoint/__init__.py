"""SharePoint by Microsoft Graph, where the papers of a project are: a folder for each project."""
