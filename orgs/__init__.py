"""The people: organizations, teams, memberships, seats, roles, access decisions."""
