-- One row: when the orders were last loaded.
SELECT max(loaded_at) AS loaded_at FROM baton.load_ledger WHERE dataset = 'orders'
