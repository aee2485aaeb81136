"""Warehouses: where processed files become tables, and are checked. One package for each kind of warehouse.

A warehouse promises: the whole table is replaced in one step that other readers see as one; the same manifest loaded
twice changes nothing; a snapshot older than the loaded one never replaces it.

A new kind is one new package here. It names the ``SCHEMES`` of its addresses and gives its ``open_warehouse(dsn)``;
what that has to do says ``base.Warehouse``.
"""
