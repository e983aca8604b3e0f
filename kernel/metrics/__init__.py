"""`/metrics` in Prometheus' text form: this server's counters and the installation's state.

What the database knows (jobs, mails, the audit log, seats) is asked at each scrape, so one
scraped web server tells of the workers' work as well. docs/monitoring/. Tests:
tests/operations/test_metrics.py.
"""
