"""Maintenance: vacuum and reindex by need, delete what has expired, move old logs away, warm caches.

See docs/maintenance.md.
"""
