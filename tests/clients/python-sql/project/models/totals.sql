{{ config(materialized='table') }}
SELECT
    o.customer AS _id,
    o.customer,
    COUNT(*) AS orders,
    SUM(o.amount) AS amount,
    MAX(o.placed) AS last_placed
FROM {{ ref('orders') }} o
GROUP BY o.customer
