"""Every state change of the keys' room: one function each."""
