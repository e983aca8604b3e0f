"""Reading Users and Groups: filters as SQL, pages, and rows as resources.

What is asked about whom is `identity.resources`' language; who may ask is the door's.
Tests: tests/identity/directory/.
"""
