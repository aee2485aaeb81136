-- Products that sold in the period and whose stock, all warehouses together, will last shortest at that rate.
WITH sold AS (
    SELECT l.product_id, sum(l.quantity) AS units
      FROM public.orders o
      JOIN public.order_items l ON l.order_id = o.id
     WHERE o.placed_at >= %(begin)s AND o.placed_at < %(end)s AND o.status <> 'cancelled'
     GROUP BY 1
), stock AS (
    SELECT product_id, sum(on_hand - reserved) AS free FROM public.inventory GROUP BY 1
)
SELECT p.name, sold.units, stock.free, greatest(stock.free, 0)::numeric * 7 / sold.units AS days
  FROM sold
  JOIN stock USING (product_id)
  JOIN public.products p ON p.id = product_id
 ORDER BY days, p.id
 LIMIT %(limit)s
