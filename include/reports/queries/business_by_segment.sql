-- Sales by the customers' segment.
SELECT c.segment::text AS segment, count(*) AS orders, count(DISTINCT c.id) AS customers, sum(o.total_amount) AS revenue
  FROM public.orders o
  JOIN public.customers c ON c.id = o.customer_id
 WHERE o.placed_at >= %(begin)s AND o.placed_at < %(end)s AND o.currency = %(currency)s AND o.status <> 'cancelled'
 GROUP BY 1
 ORDER BY 4 DESC, 1
