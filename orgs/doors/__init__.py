"""The base views: whoever enters is recognised, led to an organization, and let in or not.

`api` is the door of REST endpoints, `console` that of pages. Other apps' interfaces use
them as well.
"""
