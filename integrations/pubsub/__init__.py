"""Salesforce's Pub/Sub API as the vendor describes it, and what is generated from that."""
