-- One row: what a period amounts to. Cancelled orders are counted, but not as sales.
SELECT count(*) FILTER (WHERE status <> 'cancelled')                             AS orders,
       coalesce(sum(total_amount) FILTER (WHERE status <> 'cancelled'), 0)       AS revenue,
       count(*) FILTER (WHERE status = 'cancelled')                              AS cancelled,
       coalesce(sum(total_amount) FILTER (WHERE status = 'cancelled'), 0)        AS cancelled_amount,
       count(*) FILTER (WHERE status = 'returned')                               AS returned,
       count(DISTINCT customer_id) FILTER (WHERE status <> 'cancelled')          AS customers
  FROM public.orders
 WHERE placed_at >= %(begin)s AND placed_at < %(end)s AND currency = %(currency)s
