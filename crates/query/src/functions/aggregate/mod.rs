//! Aggregate functions.
//!
//! Native inputs use DataFusion's own aggregates wherever the meaning is the same, because those
//! have vectorised group accumulators. Everything else is a [`ValueAggregate`](value::ValueAggregate)
//! over single values. Each function is one row of [`FUNCTIONS`]: names, bounds on the number of
//! arguments, lowering, sentence.

mod checksum;
mod described;
mod keyed;
mod maps;
mod native;
mod rollup;
mod sketch;
mod sliding;
mod sum;
#[cfg(test)]
mod tests;
mod value;
mod values;

use super::scalar::check_arity;
use crate::operators::{OperatorError, SortKey, Typed, to_condition, to_dynamic};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{AggregateUDF, Expr};
use std::sync::Arc;

type Lowered = Result<Typed, OperatorError>;

/// A call of an aggregate function as the binder reads it.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Arguments; none for `COUNT(*)`.
    pub arguments: Vec<Typed>,
    /// `f(DISTINCT x)`.
    pub distinct: bool,
    /// `FILTER (WHERE …)`.
    pub filter: Option<Typed>,
    /// `f(x ORDER BY …)`.
    pub order_by: Vec<SortKey>,
}

/// One aggregate function.
struct Aggregate {
    names: &'static [&'static str],
    least: usize,
    most: usize,
    lower: fn(Call) -> Lowered,
    doc: &'static str,
}

/// A checked call on its way down.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<Typed>,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Box<Expr>>,
    pub(crate) order_by: Vec<SortKey>,
}

impl Call {
    /// The first argument; calls have been checked to have one.
    fn first(&self) -> Result<Typed, OperatorError> {
        self.argument(0)
    }

    fn argument(&self, index: usize) -> Result<Typed, OperatorError> {
        self.arguments
            .get(index)
            .cloned()
            .ok_or_else(|| OperatorError::Arity {
                name: self.name.to_owned(),
                expected: format!("at least {} arguments", index + 1),
                found: self.arguments.len(),
            })
    }

    /// The aggregate expression of a DataFusion function with this call's modifiers.
    fn expression(&self, function: Arc<AggregateUDF>, arguments: Vec<Expr>) -> Expr {
        Expr::AggregateFunction(AggregateFunction {
            func: function,
            params: AggregateFunctionParams {
                args: arguments,
                distinct: self.distinct,
                filter: self.filter.clone(),
                order_by: vec![],
                null_treatment: None,
            },
        })
    }

    /// A complaint about the type of an argument.
    fn wrong_type(&self, index: usize, expected: &str) -> OperatorError {
        OperatorError::ArgumentType {
            function: self.name.to_owned(),
            position: index + 1,
            expected: expected.to_owned(),
            found: self.arguments[index].sql_type().name().to_owned(),
        }
    }
}

const FUNCTIONS: &[Aggregate] = &[
    Aggregate {
        names: &["COUNT"],
        least: 0,
        most: 1,
        lower: native::count,
        doc: "Rows, or rows where the argument is not null.",
    },
    Aggregate {
        names: &["COUNT_IF"],
        least: 1,
        most: 1,
        lower: native::count_if,
        doc: "Rows where the condition is true.",
    },
    Aggregate {
        names: &["SUM"],
        least: 1,
        most: 1,
        lower: native::sum,
        doc: "The sum: an int when all inputs are ints, else a float.",
    },
    Aggregate {
        names: &["AVG", "MEAN"],
        least: 1,
        most: 1,
        lower: native::average,
        doc: "The arithmetic mean, as a float.",
    },
    Aggregate {
        names: &["GEOMETRIC_MEAN"],
        least: 1,
        most: 1,
        lower: native::geometric_mean,
        doc: "The n-th root of the product of n inputs.",
    },
    Aggregate {
        names: &["MIN"],
        least: 1,
        most: 1,
        lower: native::minimum,
        doc: "The least input.",
    },
    Aggregate {
        names: &["MAX"],
        least: 1,
        most: 1,
        lower: native::maximum,
        doc: "The greatest input.",
    },
    Aggregate {
        names: &["MIN_BY"],
        least: 2,
        most: 2,
        lower: values::min_by,
        doc: "The first argument where the second is least.",
    },
    Aggregate {
        names: &["MAX_BY"],
        least: 2,
        most: 2,
        lower: values::max_by,
        doc: "The first argument where the second is greatest.",
    },
    Aggregate {
        names: &["ARBITRARY", "ANY_VALUE"],
        least: 1,
        most: 1,
        lower: native::arbitrary,
        doc: "Some input that is not null.",
    },
    Aggregate {
        names: &["ARRAY_AGG"],
        least: 1,
        most: 1,
        lower: values::array_agg,
        doc: "An array of all inputs, nulls included.",
    },
    Aggregate {
        names: &["MAP_AGG"],
        least: 2,
        most: 3,
        lower: values::map_agg,
        doc: "An object of keys and values; of equal keys the last wins. In rollups a third argument \
              says what is done, as in `HMAP_AGG`.",
    },
    Aggregate {
        names: &["HMAP_AGG"],
        least: 2,
        most: 3,
        lower: rollup::outside,
        doc: "An object of a map and of how many of its keys have each value; rollups only.",
    },
    Aggregate {
        names: &["MAP_UNION"],
        least: 1,
        most: 1,
        lower: maps::map_union,
        doc: "The members of all inputs, which are objects; of equal keys the last wins.",
    },
    Aggregate {
        names: &["HISTOGRAM"],
        least: 1,
        most: 1,
        lower: maps::histogram,
        doc: "An object of how often each input occurs, under its text.",
    },
    Aggregate {
        names: &["CHECKSUM"],
        least: 1,
        most: 1,
        lower: checksum::checksum,
        doc: "Eight bytes that equal sets of inputs share, whatever their order.",
    },
    Aggregate {
        names: &["GROUPING"],
        least: 1,
        most: 31,
        lower: native::grouping,
        doc: "A bit for each term of GROUP BY, the first the highest: 1 where the row's set of terms \
              lacks it.",
    },
    Aggregate {
        names: &["STRING_AGG", "LISTAGG"],
        least: 1,
        most: 2,
        lower: values::string_agg,
        doc: "The inputs as one string with a separator between.",
    },
    Aggregate {
        names: &["APPROX_DISTINCT", "APPROX_COUNT_DISTINCT"],
        least: 1,
        most: 1,
        lower: native::approx_distinct,
        doc: "About how many different inputs there are.",
    },
    Aggregate {
        names: &["BITWISE_AND_AGG"],
        least: 1,
        most: 1,
        lower: native::bit_and,
        doc: "Bits set in every input.",
    },
    Aggregate {
        names: &["BITWISE_OR_AGG"],
        least: 1,
        most: 1,
        lower: native::bit_or,
        doc: "Bits set in some input.",
    },
    Aggregate {
        names: &["BITWISE_XOR_AGG"],
        least: 1,
        most: 1,
        lower: native::bit_xor,
        doc: "Bits set in an odd number of inputs.",
    },
    Aggregate {
        names: &["BOOL_AND", "EVERY"],
        least: 1,
        most: 1,
        lower: native::bool_and,
        doc: "Whether every input is true.",
    },
    Aggregate {
        names: &["BOOL_OR"],
        least: 1,
        most: 1,
        lower: native::bool_or,
        doc: "Whether some input is true.",
    },
    Aggregate {
        names: &["STDDEV_SAMP", "STDDEV"],
        least: 1,
        most: 1,
        lower: native::stddev_samp,
        doc: "The standard deviation of a sample.",
    },
    Aggregate {
        names: &["STDDEV_POP"],
        least: 1,
        most: 1,
        lower: native::stddev_pop,
        doc: "The standard deviation of a population.",
    },
    Aggregate {
        names: &["VAR_SAMP", "VARIANCE"],
        least: 1,
        most: 1,
        lower: native::var_samp,
        doc: "The variance of a sample.",
    },
    Aggregate {
        names: &["VAR_POP"],
        least: 1,
        most: 1,
        lower: native::var_pop,
        doc: "The variance of a population.",
    },
    Aggregate {
        names: &["MEDIAN"],
        least: 1,
        most: 1,
        lower: native::median,
        doc: "The median, as a float.",
    },
    Aggregate {
        names: &["CORR"],
        least: 2,
        most: 2,
        lower: native::corr,
        doc: "Pearson's correlation.",
    },
    Aggregate {
        names: &["COVAR_SAMP"],
        least: 2,
        most: 2,
        lower: native::covar_samp,
        doc: "The covariance of a sample.",
    },
    Aggregate {
        names: &["COVAR_POP"],
        least: 2,
        most: 2,
        lower: native::covar_pop,
        doc: "The covariance of a population.",
    },
    Aggregate {
        names: &["APPROX_PERCENTILE"],
        least: 2,
        most: 2,
        lower: native::approx_percentile,
        doc: "About the value below which that fraction of the inputs lies.",
    },
];

fn find(name: &str) -> Option<&'static Aggregate> {
    let upper = name.to_ascii_uppercase();
    FUNCTIONS
        .iter()
        .find(|function| function.names.contains(&upper.as_str()))
}

/// What is inside the arrays of documents, for `DESCRIBE`: see [`described`].
///
/// # Errors
/// None in fact; the signature is that of lowering.
pub(crate) fn describe(document: Typed) -> Lowered {
    let call = Call {
        name: "described",
        arguments: vec![to_dynamic(document)],
        distinct: false,
        filter: None,
        order_by: vec![],
    };
    value::ValueFunction::Described.lower(&call, crate::types::DYNAMIC)
}

/// Whether there is an aggregate of this name, in any letter case.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// All names with their sentences.
pub(super) fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS
        .iter()
        .flat_map(|function| function.names.iter().map(|name| (*name, function.doc)))
}

/// The literal null as a dynamic one: an aggregate of nothing is still an aggregate and makes one row.
fn typed_null(argument: Typed) -> Typed {
    if argument.is_null_type() {
        return to_dynamic(argument);
    }
    argument
}

/// Lowers a call.
pub(super) fn lower(name: &str, call: AggregateCall) -> Lowered {
    let (function, call) = checked(name, call)?;
    (function.lower)(call)
}

/// Lowers a call in a rollup, whose aggregates have a state that can be stored and merged. Its
/// arguments are taken as dynamic ones.
pub(super) fn lower_in_rollup(name: &str, call: AggregateCall) -> Lowered {
    let (function, call) = checked(name, call)?;
    rollup::lower(function, call)
}

fn checked(name: &str, call: AggregateCall) -> Result<(&'static Aggregate, Call), OperatorError> {
    let Some(function) = find(name) else {
        return Err(OperatorError::UnknownFunction {
            name: name.to_owned(),
        });
    };
    let name = function.names[0];
    check_arity(name, function.least, function.most, call.arguments.len())?;
    let filter = call.filter.map(to_condition).transpose()?.map(Box::new);
    let call = Call {
        name,
        arguments: call.arguments.into_iter().map(typed_null).collect(),
        distinct: call.distinct,
        filter,
        order_by: call.order_by,
    };
    Ok((function, call))
}
