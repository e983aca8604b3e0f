"""The roof: settings, urls, wiring, processes. Imports everything; nobody imports it."""
