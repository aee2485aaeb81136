-- What lies there: products in stock of which nothing was sold for 90 days, by the money that is tied up.
SELECT p.name, sum(i.on_hand) AS on_hand, sum(i.on_hand * p.cost) AS value
  FROM public.inventory i
  JOIN public.products p ON p.id = i.product_id
 WHERE i.on_hand > 0
   AND NOT EXISTS (SELECT FROM public.order_items l
                     JOIN public.orders o ON o.id = l.order_id
                    WHERE l.product_id = p.id AND o.status <> 'cancelled'
                      AND o.placed_at >= %(end)s - interval '90 days' AND o.placed_at < %(end)s)
 GROUP BY p.id, p.name
 ORDER BY value DESC, p.id
 LIMIT %(limit)s
