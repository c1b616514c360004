{{ config(
    materialized='query_lambda',
    tags=['live'],
    parameters=[{'name': 'least', 'type': 'float', 'value': '10'}]
) }}
SELECT t.customer, t.amount
FROM {{ ref('totals') }} t
WHERE t.amount >= :least
ORDER BY t.amount DESC
