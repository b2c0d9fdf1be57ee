"""What every connector to a Salesforce org shares: session, quota, SOQL and the vendor's refusals.

Certinia's product lives in the same org as the CRM, under the same sign-in and the same daily
quota, so both connectors speak through this room and neither knows the other.
"""
