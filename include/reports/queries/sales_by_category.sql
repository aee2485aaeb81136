-- Units, revenue and gross margin by category of the product. The cost is today's, not that of the day of the sale.
SELECT p.category,
       sum(i.quantity)                                AS units,
       sum(i.line_amount)                             AS revenue,
       sum(i.line_amount - i.quantity * p.cost)       AS margin
  FROM public.orders o
  JOIN public.order_items i ON i.order_id = o.id
  JOIN public.products p    ON p.id = i.product_id
 WHERE o.placed_at >= %(begin)s AND o.placed_at < %(end)s AND o.currency = %(currency)s AND o.status <> 'cancelled'
 GROUP BY 1
 ORDER BY 3 DESC, 1
