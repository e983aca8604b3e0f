"""Hardening: what a browser is told, what inputs may be, what nobody can find out."""
