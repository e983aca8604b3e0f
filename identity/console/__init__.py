"""Pages of accounts, keys and service accounts (thin)."""
