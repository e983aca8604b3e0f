"""The database backend for PostgreSQL (`ENGINE = "kernel.database.postgresql"`)."""
