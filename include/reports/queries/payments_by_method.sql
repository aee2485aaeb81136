-- Captured payments by method. The warehouse keeps the day of a payment only, so days are compared, not moments.
SELECT method::text AS method, count(*) AS payments, sum(amount) AS amount, sum(fee) AS fees
  FROM public.payments
 WHERE captured_at::date >= (%(begin)s AT TIME ZONE %(zone)s)::date
   AND captured_at::date < (%(end)s AT TIME ZONE %(zone)s)::date
   AND currency = %(currency)s AND status = 'captured'
 GROUP BY 1
 ORDER BY 3 DESC, 1
