-- Revenue and orders by month of the readers' zone.
SELECT date_trunc('month', placed_at AT TIME ZONE %(zone)s)::date AS month,
       count(*)                                                   AS orders,
       sum(total_amount)                                          AS revenue
  FROM public.orders
 WHERE placed_at >= %(begin)s AND placed_at < %(end)s AND currency = %(currency)s AND status <> 'cancelled'
 GROUP BY 1
 ORDER BY 1
