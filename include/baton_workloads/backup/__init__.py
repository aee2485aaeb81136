"""Backups that count only after they were restored: dump, seal, verify, drill, prune, replicate, restore."""
