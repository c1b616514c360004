{{ config(materialized='view') }}
SELECT c.country, SUM(t.amount) AS amount
FROM {{ ref('totals') }} t
JOIN {{ ref('customers') }} c ON c._id = t._id
GROUP BY c.country
