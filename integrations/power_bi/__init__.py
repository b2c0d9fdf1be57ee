"""Power BI: a dataset refreshed by REST."""
