-- One row: whether this warehouse keeps the ledger of Baton's loads.
SELECT to_regclass('baton.load_ledger') IS NOT NULL AS is_there
