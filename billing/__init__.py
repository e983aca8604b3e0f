"""The purse: plans, subscriptions, invoices, usage. Empty until its first capability."""
