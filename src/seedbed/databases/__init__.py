"""Whole databases of a server: making one like another, putting it in the other's place, and knowing our own again."""
