-- What does not agree between orders, payments and the ledger. Looked at: orders placed, payments captured and entries
-- booked in the period; what belongs to them is looked for without regard to time.
--
-- A payment counts when its money came in, also when it went back later ('refunded'). Orders up to %(collect_from)s are
-- not collected. The newest payments may not be booked yet. An amount in another currency settles nothing.
WITH counted AS (
    SELECT id, order_id, currency, amount, captured_at FROM public.payments WHERE status IN ('captured', 'refunded')
), of_order AS (
    SELECT o.id AS order_id, o.currency, o.total_amount, o.placed_at,
           coalesce(sum(p.amount) FILTER (WHERE p.currency = o.currency), 0) AS paid,
           count(p.id) AS payments, max(p.id) AS last_payment, min(p.id) AS first_payment,
           max(p.amount) FILTER (WHERE p.amount = o.total_amount AND p.currency = o.currency) AS whole
      FROM public.orders o
      LEFT JOIN counted p ON p.order_id = o.id
     WHERE o.placed_at >= %(begin)s AND o.placed_at < %(end)s AND o.total_amount > %(collect_from)s
       AND o.status IN ('paid', 'shipped', 'delivered', 'returned')
     GROUP BY o.id
), booked AS (  -- one row for a transaction that says money came in
    SELECT transaction_id, payment_id, currency, sum(amount) AS amount, min(created_at) AS created_at
      FROM public.ledger_entries
     WHERE account = 'receivables' AND side = 'credit'
     GROUP BY 1, 2, 3
), of_payment AS (
    SELECT p.id, p.order_id, p.currency, p.amount, p.captured_at, count(b.transaction_id) AS bookings,
           min(b.transaction_id) AS first_booking, max(b.transaction_id) AS last_booking,
           min(b.amount) FILTER (WHERE b.currency = p.currency) AS booked
      FROM counted p
      LEFT JOIN booked b ON b.payment_id = p.id
     WHERE p.captured_at >= %(begin)s AND p.captured_at < %(end)s - interval '15 minutes'
     GROUP BY 1, 2, 3, 4, 5
)
SELECT 'order without payment' AS kind, order_id, NULL::bigint AS payment_id, NULL::bigint AS transaction_id,
       total_amount AS amount, currency, placed_at AS moment
  FROM of_order WHERE payments = 0
UNION ALL
SELECT 'underpaid', order_id, first_payment, NULL, total_amount - paid, currency, placed_at
  FROM of_order WHERE payments > 0 AND paid < total_amount
UNION ALL
SELECT CASE WHEN paid - total_amount = whole THEN 'paid twice' ELSE 'overpaid' END,
       order_id, last_payment, NULL, paid - total_amount, currency, placed_at
  FROM of_order WHERE paid > total_amount
UNION ALL
SELECT 'paid in another currency', order_id, p.id, NULL, p.amount, p.currency, o.placed_at
  FROM of_order o JOIN counted p USING (order_id) WHERE p.currency <> o.currency
UNION ALL
SELECT 'payment not booked', order_id, id, NULL, amount, currency, captured_at FROM of_payment WHERE bookings = 0
UNION ALL
SELECT 'booked with another amount', order_id, id, first_booking, booked - amount, currency, captured_at
  FROM of_payment WHERE bookings > 0 AND booked <> amount
UNION ALL
SELECT 'booked in another currency', p.order_id, p.id, b.transaction_id, b.amount, b.currency, p.captured_at
  FROM of_payment p JOIN booked b ON b.payment_id = p.id WHERE b.currency <> p.currency
UNION ALL
SELECT 'booked twice', order_id, id, last_booking, amount, currency, captured_at FROM of_payment WHERE bookings > 1
UNION ALL
SELECT 'booked without payment', NULL, NULL, transaction_id, amount, currency, created_at
  FROM booked WHERE payment_id IS NULL AND created_at >= %(begin)s AND created_at < %(end)s
 ORDER BY kind, moment, order_id, payment_id, transaction_id
