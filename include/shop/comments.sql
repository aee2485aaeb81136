-- Comments of the demo schema. A column comment that begins with "Personal" marks personal data; the rest says what a
-- reader of a policy needs to decide.

COMMENT ON TABLE users IS 'The shop''s own staff: log in, handle orders, get a daily summary by mail.';
COMMENT ON COLUMN users.email IS 'Personal: address of the daily summary; unique.';
COMMENT ON COLUMN users.full_name IS 'Personal: name as the person writes it.';
COMMENT ON COLUMN users.password_hash IS 'Personal: secret; never leaves the source.';
COMMENT ON COLUMN users.time_zone IS 'IANA zone; the daily summary''s 08:00 may be read in it.';
COMMENT ON COLUMN users.wants_daily_summary IS 'send_daily_summary mails active users who want it.';

COMMENT ON TABLE customers IS 'Who buys: wide, most columns are personal data.';
COMMENT ON COLUMN customers.id IS 'Personal: identifies a person in every other table.';
COMMENT ON COLUMN customers.public_id IS 'Personal: identifies a person in URLs and mails.';
COMMENT ON COLUMN customers.customer_number IS 'Personal: printed on invoices; unique.';
COMMENT ON COLUMN customers.salutation IS 'char(12): padded with blanks by PostgreSQL; NULL where not said.';
COMMENT ON COLUMN customers.given_name IS 'Personal: may be NULL, empty or a single name in any script.';
COMMENT ON COLUMN customers.family_name IS 'Personal: holds quotes, newlines, blanks at the end.';
COMMENT ON COLUMN customers.full_name IS 'Personal: family name first where the language does so.';
COMMENT ON COLUMN customers.email IS 'Personal: not unique; the same address occurs in other letter case.';
COMMENT ON COLUMN customers.phone IS 'Personal: many formats, extensions, words.';
COMMENT ON COLUMN customers.mobile IS 'Personal: many formats; NULL and empty both occur.';
COMMENT ON COLUMN customers.birth_date IS 'Personal: from 1900; 29 February occurs.';
COMMENT ON COLUMN customers.national_id IS 'Personal: format depends on the country.';
COMMENT ON COLUMN customers.iban IS 'Personal: with and without groups of four.';
COMMENT ON COLUMN customers.street IS 'Personal: several lines in some rows.';
COMMENT ON COLUMN customers.address_extra IS 'Personal: empty string next to NULL.';
COMMENT ON COLUMN customers.postal_code IS 'Personal: leading zeros; quasi-identifier together with birth_date.';
COMMENT ON COLUMN customers.city IS 'Personal: quasi-identifier.';
COMMENT ON COLUMN customers.delivery_address IS 'Personal: nested object with a person''s name, phone and coordinates.';
COMMENT ON COLUMN customers.profile IS 'Personal: nested; household members, contact list, JSON null next to missing keys.';
COMMENT ON COLUMN customers.previous_emails IS 'Personal: array, often empty.';
COMMENT ON COLUMN customers.tags IS 'Array with commas, braces, quotes and NULL elements; NULL, empty and filled occur.';
COMMENT ON COLUMN customers.notes IS 'Personal: free text typed by staff; some are very long.';
COMMENT ON COLUMN customers.avatar IS 'Personal: a picture''s first bytes.';
COMMENT ON COLUMN customers.last_login_ip IS 'Personal: IPv4 and IPv6.';
COMMENT ON COLUMN customers.risk_score IS 'numeric without scale: up to 30 digits; NaN and Infinity occur.';
COMMENT ON COLUMN customers.loyalty_points IS 'numeric(38,10): wider than a 64-bit float is exact.';
COMMENT ON COLUMN customers.consent_until IS '''infinity'' where consent has no end.';
COMMENT ON COLUMN customers.referred_by IS 'Personal: another customer''s id.';

COMMENT ON TABLE products IS 'What is sold.';
COMMENT ON COLUMN products.cost IS 'numeric without scale: purchase cost after conversion, many decimals.';
COMMENT ON COLUMN products.supplier_email IS 'Personal: a contact person at the supplier.';

COMMENT ON TABLE orders IS 'Narrow and long. total_amount is the sum of the lines.';
COMMENT ON COLUMN orders.customer_id IS 'Personal: identifies a person.';
COMMENT ON COLUMN orders.handled_by IS 'User who looks after the order; NULL for the web shop.';
COMMENT ON COLUMN orders.status IS '''pending'' orders are what process_pending_items works on.';
COMMENT ON COLUMN orders.customer_reference IS 'Personal: free text of the customer, often a name.';

COMMENT ON TABLE order_items IS 'Lines of an order. line_amount = round(quantity * unit_price * (1 - discount_rate), 2).';

COMMENT ON TABLE payments IS 'One or more for an order; captured amounts match the order except for the known differences.';
COMMENT ON COLUMN payments.fee IS 'Provider''s fee, six decimals.';
COMMENT ON COLUMN payments.provider_reference IS 'The provider''s id of the payment; unique.';
COMMENT ON COLUMN payments.payer_name IS 'Personal: card holder or account owner.';
COMMENT ON COLUMN payments.payer_account IS 'Personal: masked card number or IBAN.';

COMMENT ON TABLE ledger_entries IS 'Double entry: the debits of a transaction equal its credits, always.';
COMMENT ON COLUMN ledger_entries.booking_text IS 'Personal: names the customer in some rows.';

COMMENT ON TABLE inventory IS 'Stock by product and warehouse. Low: on_hand - reserved < reorder_point.';
COMMENT ON COLUMN inventory.source_version IS 'Version of the row at the warehouse system; an older one never replaces a newer one.';

COMMENT ON TABLE sync_watermarks IS 'How far each outside system has been read (sync_inventory).';

COMMENT ON TABLE sessions IS 'Log-ins of users and customers; clean_up_data removes the expired ones.';
COMMENT ON COLUMN sessions.customer_id IS 'Personal: identifies a person.';
COMMENT ON COLUMN sessions.token_hash IS 'Personal: secret; never leaves the source.';
COMMENT ON COLUMN sessions.ip_address IS 'Personal: IPv4 and IPv6.';
COMMENT ON COLUMN sessions.user_agent IS 'Personal: browser; quasi-identifier.';
COMMENT ON COLUMN sessions.data IS 'Personal: basket and last search.';

COMMENT ON TABLE job_executions IS 'History of background jobs; archived rows are removed after their time.';
COMMENT ON COLUMN job_executions.parameters IS 'Personal: sometimes names a recipient.';
COMMENT ON COLUMN job_executions.error IS 'Personal: error messages quote values.';
COMMENT ON COLUMN job_executions.archived_at IS 'Set when the row may be removed.';

COMMENT ON TABLE incoming_webhooks IS 'Deliveries of outside systems; (source, delivery_id) arrives at least once, is stored once.';
COMMENT ON COLUMN incoming_webhooks.headers IS 'Personal: carries addresses and signatures.';
COMMENT ON COLUMN incoming_webhooks.body IS 'Personal: payload as sent, with names and addresses.';
COMMENT ON COLUMN incoming_webhooks.error IS 'Personal: error messages quote values.';
COMMENT ON COLUMN incoming_webhooks.status IS '''received'' waits for processing from next_attempt_at on.';

COMMENT ON TABLE signature_workflows IS 'Documents sent for signature; open while sent or viewed, overdue after due_on.';
COMMENT ON COLUMN signature_workflows.document_title IS 'Personal: often names the signer.';
COMMENT ON COLUMN signature_workflows.customer_id IS 'Personal: identifies a person; NULL for an outside signer.';
COMMENT ON COLUMN signature_workflows.signer_name IS 'Personal: name.';
COMMENT ON COLUMN signature_workflows.signer_email IS 'Personal: where reminders go.';
COMMENT ON COLUMN signature_workflows.remind_days_before IS 'A reminder is due on due_on minus each of these days.';

COMMENT ON TABLE signature_reminders IS 'Reminder log: at most one row for each workflow and reminder date.';
COMMENT ON COLUMN signature_reminders.recipient IS 'Personal: address that the reminder went to.';
COMMENT ON COLUMN signature_reminders.outcome IS 'unconfirmed: a worker was interrupted while it sent; never sent again by itself.';
COMMENT ON COLUMN signature_reminders.message_id IS 'Message-ID of the mail.';
