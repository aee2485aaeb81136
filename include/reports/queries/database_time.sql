-- One row: as of when the rows of this report are.
SELECT transaction_timestamp() AS moment
