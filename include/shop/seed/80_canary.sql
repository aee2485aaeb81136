-- Plants a recognisable text into every personal column of the first three rows of each table, when one is asked for.
-- "Personal" is what comments.sql says. Types that cannot hold a text (numbers, dates, addresses of hosts, uuid) are left.
--
-- A value reads `{canary}.{table}.{column}.{row}`, so that a find says where it leaked from.

DO $$
DECLARE
    target record;
    planted text;
BEGIN
    FOR target IN
        SELECT c.oid::regclass AS relation, quote_ident(a.attname) AS name, a.atttypid AS type,
               format('%L || first.number', current_setting('seed.canary') || '.' || c.relname || '.' || a.attname || '.') AS value,
               (SELECT string_agg(quote_ident(k.attname), ', ' ORDER BY k.attnum) FROM pg_index i
                JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
                WHERE i.indrelid = c.oid AND i.indisprimary) AS key
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND col_description(c.oid, a.attnum) LIKE 'Personal%' AND current_setting('seed.canary') <> ''
        ORDER BY c.relname, a.attnum
    LOOP
        planted := CASE target.type
            WHEN 'text'::regtype THEN target.value || CASE WHEN target.name LIKE '%email%' THEN ' || ''@example.org''' ELSE '' END
            WHEN 'text[]'::regtype THEN format('array_append(t.%s, %s)', target.name, target.value)
            WHEN 'bytea'::regtype THEN format('convert_to(%s, ''UTF8'')', target.value)
            WHEN 'jsonb'::regtype THEN format(
                'coalesce(t.%s, ''{}'') || jsonb_build_object(''canary'', %2$s, ''nested'', jsonb_build_array(jsonb_build_object(''name'', %2$s)))',
                target.name, target.value)
        END;
        CONTINUE WHEN planted IS NULL;
        EXECUTE format(
            'WITH first AS MATERIALIZED ('
            '    SELECT place, row_number() OVER () AS number FROM (SELECT ctid AS place FROM %1$s ORDER BY %2$s LIMIT 3) AS top) '
            'UPDATE %1$s AS t SET %3$s = %4$s FROM first WHERE t.ctid = first.place',
            target.relation, target.key, target.name, planted);
    END LOOP;
END
$$;
