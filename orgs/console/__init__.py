"""The people's console: thin pages over `orgs.actions` and `orgs.queries`."""
