"""Every state change of the people's room: one function each, the one door.

An action takes keyword-only arguments and the acting principal, checks the permission,
locks, decides, writes, records one event and returns the changed object.
Lock order: organization, account, team, membership, seat, credential, chain head.
"""
