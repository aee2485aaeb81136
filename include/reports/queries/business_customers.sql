-- One row: of the customers who bought, how many bought for the first time.
SELECT count(*)                                                        AS customers,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM public.orders e
            WHERE e.customer_id = b.customer_id AND e.placed_at < %(begin)s AND e.status <> 'cancelled'))
                                                                       AS first_time
  FROM (SELECT DISTINCT customer_id
          FROM public.orders
         WHERE placed_at >= %(begin)s AND placed_at < %(end)s AND currency = %(currency)s AND status <> 'cancelled') b
