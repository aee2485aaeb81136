-- One row: what was compared.
SELECT (SELECT count(*) FROM public.payments
         WHERE status IN ('captured', 'refunded') AND currency = %(currency)s
           AND captured_at >= %(begin)s AND captured_at < %(end)s) AS payments,
       (SELECT coalesce(sum(amount), 0) FROM public.payments
         WHERE status IN ('captured', 'refunded') AND currency = %(currency)s
           AND captured_at >= %(begin)s AND captured_at < %(end)s) AS paid,
       (SELECT coalesce(sum(amount), 0) FROM public.ledger_entries
         WHERE account = 'receivables' AND side = 'credit' AND currency = %(currency)s
           AND created_at >= %(begin)s AND created_at < %(end)s) AS booked
