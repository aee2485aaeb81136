-- Active products of which less is free than the reorder point, the most urgent first.
SELECT i.product_id, p.name, p.sku, i.warehouse, i.on_hand - i.reserved AS free, i.reorder_point, i.reorder_quantity
  FROM public.inventory i
  JOIN public.products p ON p.id = i.product_id
 WHERE i.on_hand - i.reserved < i.reorder_point AND p.is_active
 ORDER BY (i.on_hand - i.reserved)::numeric / greatest(i.reorder_point, 1), i.product_id, i.warehouse
