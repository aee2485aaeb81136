-- What the report leaves out because it is in another currency: amounts are never added across currencies.
SELECT currency, count(*) AS orders, sum(total_amount) AS revenue
  FROM public.orders
 WHERE placed_at >= %(begin)s AND placed_at < %(end)s AND currency <> %(currency)s AND status <> 'cancelled'
 GROUP BY 1
 ORDER BY 1
