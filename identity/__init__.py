"""The keys: everything that proves who acts."""
