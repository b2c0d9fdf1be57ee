"""Kantata OX as one of the firm's PSAs: workspaces, time, expenses, invoices and change orders."""
