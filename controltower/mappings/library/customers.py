"""How a firm keeps its customers: the mappings of the customer master sync, and which
system owns which field."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "client-to-customer",
        "CRM client → ERP customer",
        "customer",
        "erp",
        False,
        [
            copy("Name", "name", "name", required=True),
            copy("Contact", "contact_name", "contact_name", personal=True),
            copy("Contact e-mail", "contact_email", "email", personal=True),
        ],
    ),
    (
        "customer-to-client",
        "ERP customer → CRM client",
        "customer",
        "crm",
        False,
        [
            copy("Customer number", "erp_code", "ERP_Customer_Code__c", required=True),
            copy("VAT number", "vat_number", "VAT_Number__c"),
            copy("Street", "street", "BillingStreet"),
            copy("City", "city", "BillingCity"),
            copy("Postal code", "postal_code", "BillingPostalCode"),
            copy("Country", "country", "BillingCountryCode"),
            copy("Payment term", "payment_term", "Payment_Term__c"),
            copy("Credit hold", "credit_hold", "Credit_Hold__c"),
            copy("Merged into", "merged_into", "Merged_Into__c"),
        ],
    ),
    (
        "customer-to-psa",
        "Customer → PSA client",
        "customer",
        "psa",
        False,
        [
            copy("Invoiced as", "invoiced_as", "PSA_Invoiced_As__c", required=True),
            copy("Credit hold", "credit_hold", "PSA_Credit_Hold__c"),
        ],
    ),
)

OWNERS = (
    ("customer", "name", "crm", False, False),
    ("customer", "parent_id", "crm", False, False),
    ("customer", "contact_name", "crm", False, True),
    ("customer", "contact_email", "crm", False, True),
    ("customer", "vat_number", "erp", False, False),
    ("customer", "street", "erp", False, False),
    ("customer", "city", "erp", False, False),
    ("customer", "postal_code", "erp", False, False),
    ("customer", "country", "erp", False, False),
    ("customer", "payment_term", "erp", True, False),
    ("customer", "credit_hold", "erp", True, False),
    ("customer", "erp_code", "erp", False, False),
)
