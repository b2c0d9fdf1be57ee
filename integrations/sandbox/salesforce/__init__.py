"""A stateful server that speaks Salesforce's REST protocol, with Certinia's objects in the org."""
