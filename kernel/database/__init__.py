"""The second wall between tenants: PostgreSQL itself shows one organization's rows only.

`scope` says whose rows the running code may see, `postgresql` (the database backend) tells
the server in each transaction, and `walls` puts a policy on a table. The first wall is
`kernel.tenancy`; each holds without the other. SQLite has the first alone. docs/adr/0008.
"""
