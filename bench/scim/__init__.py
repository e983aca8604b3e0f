"""Benchmarks of SCIM: `python -m bench scim`.

Lists by index in both dialects, filters, creation and changes of large groups, in directories
of 10,000 and of 100,000 Users, against the empty view and `me` of the same run.
"""
