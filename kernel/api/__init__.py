"""How every REST answer behaves: problems, pages, replays, versions, limits.

No endpoint and no rule stands here. Tests: tests/kernel/api/.
"""
