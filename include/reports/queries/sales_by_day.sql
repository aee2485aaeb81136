-- Orders that count as sales, by day of the readers' zone.
SELECT (placed_at AT TIME ZONE %(zone)s)::date AS day,
       count(*)                                AS orders,
       sum(total_amount)                       AS revenue
  FROM public.orders
 WHERE placed_at >= %(begin)s AND placed_at < %(end)s AND currency = %(currency)s AND status <> 'cancelled'
 GROUP BY 1
 ORDER BY 1
