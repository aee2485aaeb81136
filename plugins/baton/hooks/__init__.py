"""How Baton talks to other systems."""
