-- The products that brought most, and how many there are in all.
SELECT p.name, sum(i.quantity) AS units, sum(i.line_amount) AS revenue, count(*) OVER () AS products
  FROM public.orders o
  JOIN public.order_items i ON i.order_id = o.id
  JOIN public.products p    ON p.id = i.product_id
 WHERE o.placed_at >= %(begin)s AND o.placed_at < %(end)s AND o.currency = %(currency)s AND o.status <> 'cancelled'
 GROUP BY p.id, p.name
 ORDER BY revenue DESC, p.id
 LIMIT %(limit)s
