"""The database backend for SQLite (`ENGINE = "kernel.database.sqlite"`): writers wait in a line."""
