"""The keys over REST: authentication of every endpoint, `me`, and API keys."""
