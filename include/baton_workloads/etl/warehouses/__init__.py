"""Warehouses: where processed files become tables. One package for each kind of warehouse.

A warehouse promises: the whole table is replaced in one step that other readers see as one; the same manifest loaded
twice changes nothing; a snapshot older than the loaded one never replaces it.
"""
