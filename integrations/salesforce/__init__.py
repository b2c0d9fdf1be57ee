"""Salesforce as the firm's CRM: clients and deals."""
