"""What this process counts about itself: requests, queries, throttles, sign-ins, key checks.

`meters` defines the counters, `middleware` counts requests, `store` lets the workers of one
web server count together. They are shown by `kernel.metrics`. Tests: tests/operations/.
"""
