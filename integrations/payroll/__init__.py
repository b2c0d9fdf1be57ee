"""ADP as the firm's payroll provider: what a pay period has cost, and approved hours to be paid."""
