{{ config(materialized='incremental', unique_key='_id') }}
SELECT o._id, o.customer, o.amount
FROM {{ ref('orders') }} o
WHERE o.state = 'paid'
{% if is_incremental() %}
    AND o._id NOT IN (SELECT p._id FROM {{ this }} p)
{% endif %}
