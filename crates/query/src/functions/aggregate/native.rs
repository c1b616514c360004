//! Aggregates lowered to DataFusion's own, and the dynamic fallbacks of those that need one.

use super::sum::int_sum;
use super::value::ValueFunction;
use super::{Call, Lowered};
use crate::operators::{
    OperatorError, Typed, expect, group_key, to_condition, without_null_values,
};
use crate::types::{DYNAMIC, SqlType};
use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate as df;
use datafusion::logical_expr::{AggregateUDF, lit};
use std::sync::Arc;

/// A call of a DataFusion aggregate.
fn native(
    call: &Call,
    function: Arc<AggregateUDF>,
    arguments: Vec<Typed>,
    returns: DataType,
) -> Typed {
    let arguments = arguments
        .into_iter()
        .map(|argument| argument.expr)
        .collect();
    Typed::new(call.expression(function, arguments), returns)
}

pub(super) fn count(call: Call) -> Lowered {
    let counted = match call.arguments.first() {
        None => lit(1i64),
        Some(argument) if call.distinct => group_key(argument.clone()).expr,
        Some(argument) => without_null_values(argument.clone()).expr,
    };
    Ok(Typed::new(
        call.expression(df::count::count_udaf(), vec![counted]),
        DataType::Int64,
    ))
}

pub(super) fn count_if(call: Call) -> Lowered {
    let condition = to_condition(call.first()?)?;
    // Only true counts, and a null is no row.
    let counted = datafusion::logical_expr::when(condition, lit(1i64))
        .end()
        .map_err(|error| OperatorError::Invalid {
            message: error.to_string(),
        })?;
    Ok(Typed::new(
        call.expression(df::count::count_udaf(), vec![counted]),
        DataType::Int64,
    ))
}

pub(super) fn sum(call: Call) -> Lowered {
    let argument = call.first()?;
    match argument.sql_type() {
        SqlType::Int if call.distinct => ValueFunction::Sum.lower(&call, DataType::Int64),
        SqlType::Int => Ok(native(&call, int_sum(), vec![argument], DataType::Int64)),
        SqlType::Float => Ok(native(
            &call,
            df::sum::sum_udaf(),
            vec![argument],
            DataType::Float64,
        )),
        SqlType::Dynamic => ValueFunction::Sum.lower(&call, DYNAMIC),
        SqlType::MicrosecondInterval | SqlType::MonthInterval => {
            let returns = argument.data_type;
            ValueFunction::Sum.lower(&call, returns)
        }
        _ => Err(call.wrong_type(0, "int or float")),
    }
}

/// An argument as a float, an int being promoted and a dynamic one checked row by row.
fn float(call: &Call, index: usize) -> Result<Typed, OperatorError> {
    let argument = call.argument(index)?;
    expect(argument, SqlType::Float, "the argument of an aggregate")
        .map_err(|_| call.wrong_type(index, "int or float"))
}

fn floats(call: Call, function: Arc<AggregateUDF>) -> Lowered {
    let arguments = (0..call.arguments.len())
        .map(|index| float(&call, index))
        .collect::<Result<_, _>>()?;
    Ok(native(&call, function, arguments, DataType::Float64))
}

pub(super) fn average(call: Call) -> Lowered {
    floats(call, df::average::avg_udaf())
}

pub(super) fn geometric_mean(mut call: Call) -> Lowered {
    let logarithm = super::super::call("LN", vec![float(&call, 0)?])?;
    call.arguments = vec![logarithm];
    let mean = average(call)?;
    super::super::call("EXP", vec![mean])
}

pub(super) fn minimum(call: Call) -> Lowered {
    extreme(call, df::min_max::min_udaf())
}

pub(super) fn maximum(call: Call) -> Lowered {
    extreme(call, df::min_max::max_udaf())
}

/// K bytes sort as their values do, so dynamic columns need no accumulator of their own.
fn extreme(mut call: Call, function: Arc<AggregateUDF>) -> Lowered {
    let argument = without_null_values(call.first()?);
    call.distinct = false;
    let returns = argument.data_type.clone();
    Ok(native(&call, function, vec![argument], returns))
}

/// The binder has made sure that the arguments are terms of GROUP BY.
pub(super) fn grouping(call: Call) -> Lowered {
    if call.distinct || call.filter.is_some() || !call.order_by.is_empty() {
        return Err(OperatorError::Invalid {
            message: "GROUPING takes terms of GROUP BY and nothing else".to_owned(),
        });
    }
    let arguments = call.arguments.clone();
    let mask = native(
        &call,
        df::grouping::grouping_udaf(),
        arguments,
        DataType::Int32,
    );
    Ok(Typed::new(
        datafusion::logical_expr::cast(mask.expr, DataType::Int64),
        DataType::Int64,
    ))
}

pub(super) fn arbitrary(mut call: Call) -> Lowered {
    use datafusion::logical_expr::Expr;
    use datafusion::logical_expr::expr::NullTreatment;
    let argument = without_null_values(call.first()?);
    if argument.is_dynamic() {
        // Of values that are equal and differ in type, the answer must not depend on the order in
        // which partitions arrive: it is the least, so that an int stands for an equal float.
        return extreme(call, df::min_max::min_udaf());
    }
    call.distinct = false;
    let returns = argument.data_type.clone();
    let mut first = native(
        &call,
        df::first_last::first_value_udaf(),
        vec![argument],
        returns,
    );
    if let Expr::AggregateFunction(function) = &mut first.expr {
        function.params.null_treatment = Some(NullTreatment::IgnoreNulls);
    }
    Ok(first)
}

pub(super) fn approx_distinct(mut call: Call) -> Lowered {
    call.distinct = false;
    let argument = group_key(call.first()?);
    let counted = native(
        &call,
        df::approx_distinct::approx_distinct_udaf(),
        vec![argument],
        DataType::UInt64,
    );
    Ok(as_int(counted))
}

fn as_int(operand: Typed) -> Typed {
    Typed::new(
        datafusion::logical_expr::cast(operand.expr, DataType::Int64),
        DataType::Int64,
    )
}

fn of_type(call: Call, function: Arc<AggregateUDF>, sql_type: SqlType) -> Lowered {
    let argument = expect(call.first()?, sql_type, "the argument of an aggregate")
        .map_err(|_| call.wrong_type(0, sql_type.name()))?;
    Ok(native(&call, function, vec![argument], sql_type.arrow()))
}

pub(super) fn bit_and(call: Call) -> Lowered {
    of_type(call, df::bit_and_or_xor::bit_and_udaf(), SqlType::Int)
}

pub(super) fn bit_or(call: Call) -> Lowered {
    of_type(call, df::bit_and_or_xor::bit_or_udaf(), SqlType::Int)
}

pub(super) fn bit_xor(call: Call) -> Lowered {
    of_type(call, df::bit_and_or_xor::bit_xor_udaf(), SqlType::Int)
}

pub(super) fn bool_and(call: Call) -> Lowered {
    of_type(call, df::bool_and_or::bool_and_udaf(), SqlType::Bool)
}

pub(super) fn bool_or(call: Call) -> Lowered {
    of_type(call, df::bool_and_or::bool_or_udaf(), SqlType::Bool)
}

pub(super) fn stddev_samp(call: Call) -> Lowered {
    floats(call, df::stddev::stddev_udaf())
}

pub(super) fn stddev_pop(call: Call) -> Lowered {
    floats(call, df::stddev::stddev_pop_udaf())
}

pub(super) fn var_samp(call: Call) -> Lowered {
    floats(call, df::variance::var_samp_udaf())
}

pub(super) fn var_pop(call: Call) -> Lowered {
    floats(call, df::variance::var_pop_udaf())
}

pub(super) fn median(call: Call) -> Lowered {
    floats(call, df::median::median_udaf())
}

pub(super) fn corr(call: Call) -> Lowered {
    floats(call, df::correlation::corr_udaf())
}

pub(super) fn covar_samp(call: Call) -> Lowered {
    floats(call, df::covariance::covar_samp_udaf())
}

pub(super) fn covar_pop(call: Call) -> Lowered {
    floats(call, df::covariance::covar_pop_udaf())
}

pub(super) fn approx_percentile(call: Call) -> Lowered {
    floats(
        call,
        df::approx_percentile_cont::approx_percentile_cont_udaf(),
    )
}
