//! `SUM` over ints and floats of one path.
//!
//! The sum of a group is an int if each of its values is, else a float. Value by value that is slow.
//! The same answer comes from native aggregates: the ints alone, all values as floats, and a count of
//! each, which are equal where the group has no float.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::names::Names;
use super::projection::is_path;
use super::{Binder, Result};
use crate::functions::{self, AggregateCall};
use crate::operators::{self, OperatorError, Typed};
use crate::scan::PathUse;

impl Binder<'_> {
    /// The call as native aggregates, if its argument is a path of ints and floats.
    pub(super) fn sum_of_numbers(
        &mut self,
        function: &Function,
        names: &Names<'_>,
    ) -> Result<Option<std::result::Result<Typed, OperatorError>>> {
        if !is_of_path(function) {
            return Ok(None);
        }
        let ints = self.aggregate_parts_as(PathUse::Int, function, names)?;
        let is_mixed = ints
            .arguments
            .first()
            .is_some_and(|ints| !ints.is_null_type());
        if ints.distinct || !is_mixed {
            return Ok(None);
        }
        let numbers = self.aggregate_parts_as(PathUse::Number, function, names)?;
        Ok(Some(lower(&ints, &numbers)))
    }
}

/// Whether the argument of a call is a path, which may be bound more than once: a query in it may not.
fn is_of_path(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    matches!(list.args.as_slice(),
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] if is_path(argument))
}

fn lower(
    ints: &AggregateCall,
    numbers: &AggregateCall,
) -> std::result::Result<Typed, OperatorError> {
    let aggregate = |name, call: &AggregateCall| functions::aggregate_call(name, call.clone());
    let all_ints = operators::binary(
        &BinaryOperator::Eq,
        aggregate("count", ints)?,
        aggregate("count", numbers)?,
    )?;
    let int_sum = aggregate("sum", ints)?;
    let float_sum = aggregate("sum", numbers)?;
    operators::case(None, vec![(all_ints, int_sum)], Some(float_sum))
}
