-- One row: how far the data reaches.
SELECT max(placed_at) AS latest FROM public.orders
