"""Changing the schema of a running installation: whose connection, one at a time, how patiently.

The rule that everything here serves: release N of the code runs on schema N and N+1, so
the schema is migrated first and the processes are replaced after it, one by one.
Tests: tests/operations/.
"""
