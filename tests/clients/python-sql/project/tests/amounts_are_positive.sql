SELECT o._id, o.amount
FROM {{ ref('orders') }} o
WHERE o.amount <= 0
