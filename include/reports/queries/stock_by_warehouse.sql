-- Stock by warehouse, valued at today's cost.
SELECT i.warehouse,
       count(*)                                                         AS items,
       sum(i.on_hand)                                                   AS on_hand,
       sum(i.on_hand * p.cost)                                          AS value,
       count(*) FILTER (WHERE i.on_hand - i.reserved < i.reorder_point) AS low,
       count(*) FILTER (WHERE i.on_hand - i.reserved <= 0)              AS out_of_stock
  FROM public.inventory i
  JOIN public.products p ON p.id = i.product_id
 WHERE p.is_active
 GROUP BY 1
 ORDER BY 4 DESC, 1
