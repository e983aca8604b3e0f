"""What every console page shares, whichever app draws it: the registry of its parts."""
