//! Window functions: DataFusion's own, and aggregates with `OVER`.

use super::aggregate::{self, AggregateCall};
use super::scalar::check_arity;
use crate::operators::{
    OperatorError, SortKey, Typed, binary, case, coerce, common_type, literal, literal_value,
    null_of, sort_key,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::functions_window::{cume_dist, lead_lag, nth_value, ntile, rank, row_number};
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, SortExpr, WindowFrame, WindowFunctionDefinition, WindowUDF, cast,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use outcrop_document::Value;
use std::sync::Arc;

type Lowered = Result<Typed, OperatorError>;

/// The `OVER (…)` clause of a call.
#[derive(Clone, Debug)]
pub struct WindowSpec {
    /// `PARTITION BY`.
    pub partition_by: Vec<Typed>,
    /// `ORDER BY`.
    pub order_by: Vec<SortKey>,
    /// The frame; `None` for the default of the standard.
    pub frame: Option<WindowFrame>,
}

/// What a window function gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Int,
    Float,
    /// The type of its first argument.
    Argument,
}

struct Window {
    name: &'static str,
    least: usize,
    most: usize,
    gives: Gives,
    function: fn() -> Arc<WindowUDF>,
}

const FUNCTIONS: &[Window] = &[
    Window {
        name: "ROW_NUMBER",
        least: 0,
        most: 0,
        gives: Gives::Int,
        function: row_number::row_number_udwf,
    },
    Window {
        name: "RANK",
        least: 0,
        most: 0,
        gives: Gives::Int,
        function: rank::rank_udwf,
    },
    Window {
        name: "DENSE_RANK",
        least: 0,
        most: 0,
        gives: Gives::Int,
        function: rank::dense_rank_udwf,
    },
    Window {
        name: "PERCENT_RANK",
        least: 0,
        most: 0,
        gives: Gives::Float,
        function: rank::percent_rank_udwf,
    },
    Window {
        name: "CUME_DIST",
        least: 0,
        most: 0,
        gives: Gives::Float,
        function: cume_dist::cume_dist_udwf,
    },
    Window {
        name: "NTILE",
        least: 1,
        most: 1,
        gives: Gives::Int,
        function: ntile::ntile_udwf,
    },
    Window {
        name: "LAG",
        least: 1,
        most: 3,
        gives: Gives::Argument,
        function: lead_lag::lag_udwf,
    },
    Window {
        name: "LEAD",
        least: 1,
        most: 3,
        gives: Gives::Argument,
        function: lead_lag::lead_udwf,
    },
    Window {
        name: "FIRST_VALUE",
        least: 1,
        most: 1,
        gives: Gives::Argument,
        function: nth_value::first_value_udwf,
    },
    Window {
        name: "LAST_VALUE",
        least: 1,
        most: 1,
        gives: Gives::Argument,
        function: nth_value::last_value_udwf,
    },
    Window {
        name: "NTH_VALUE",
        least: 2,
        most: 2,
        gives: Gives::Argument,
        function: nth_value::nth_value_udwf,
    },
];

fn find(name: &str) -> Option<&'static Window> {
    FUNCTIONS
        .iter()
        .find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Whether there is a window function of this name that is no aggregate.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Lowers a call with `OVER`.
pub(super) fn lower(name: &str, call: AggregateCall, spec: WindowSpec) -> Lowered {
    let Some(function) = find(name) else {
        return over_aggregate(name, call, &spec);
    };
    check_arity(
        function.name,
        function.least,
        function.most,
        call.arguments.len(),
    )?;
    if call.filter.is_some() || call.distinct {
        let what = format!(
            "FILTER or DISTINCT with the window function `{}`",
            function.name
        );
        return Err(OperatorError::NotSupported { what });
    }
    let arguments = arguments(function, call.arguments)?;
    let returns = match function.gives {
        Gives::Int => DataType::Int64,
        Gives::Float => DataType::Float64,
        Gives::Argument => arguments
            .first()
            .map_or(DataType::Null, |x| x.data_type.clone()),
    };
    if returns == DataType::Null {
        return Ok(null_of(DataType::Null));
    }
    let definition = WindowFunctionDefinition::WindowUDF((function.function)());
    let arguments = arguments
        .into_iter()
        .map(|argument| argument.expr)
        .collect();
    let expr = Expr::WindowFunction(Box::new(WindowFunction {
        fun: definition,
        params: spec.parameters(arguments, None, false),
    }));
    if function.name == "PERCENT_RANK" {
        return percent_rank(expr, &spec);
    }
    // Ranks are unsigned in DataFusion.
    let expr = if function.gives == Gives::Int {
        cast(expr, DataType::Int64)
    } else {
        expr
    };
    Ok(Typed::new(expr, returns))
}

/// `PERCENT_RANK` is (rank - 1) / (rows - 1) by definition: not a number where there is one row.
/// DataFusion says 0 there, and queries guard against the former with `IS_NAN`.
fn percent_rank(rank: Expr, spec: &WindowSpec) -> Lowered {
    let count = AggregateCall {
        arguments: vec![],
        distinct: false,
        filter: None,
        order_by: vec![],
    };
    let whole = WindowSpec {
        partition_by: spec.partition_by.clone(),
        order_by: vec![],
        frame: None,
    };
    let alone = binary(
        &BinaryOperator::Eq,
        over_aggregate("COUNT", count, &whole)?,
        literal(&Value::Int(1)),
    )?;
    let rank = Typed::new(rank, DataType::Float64);
    case(
        None,
        vec![(alone, literal(&Value::Float(f64::NAN)))],
        Some(rank),
    )
}

/// Values, defaults of the same type as them, and offsets that are constants.
fn arguments(function: &Window, mut arguments: Vec<Typed>) -> Result<Vec<Typed>, OperatorError> {
    let offset = if function.name == "NTILE" { 0 } else { 1 };
    if let Some(argument) = arguments.get(offset) {
        let positive = function.name == "NTILE" || function.name == "NTH_VALUE";
        match literal_value(argument) {
            Some(Value::Int(value)) if value >= i64::from(positive) => {}
            _ => {
                let kind = if positive {
                    "a positive"
                } else {
                    "a non-negative"
                };
                let message = format!(
                    "function `{}`: argument {} must be {kind} constant int",
                    function.name,
                    offset + 1
                );
                return Err(OperatorError::Invalid { message });
            }
        }
    }
    if function.name != "NTILE" && arguments.len() == 3 {
        let types = [
            arguments[0].data_type.clone(),
            arguments[2].data_type.clone(),
        ];
        let shared = common_type(&types);
        arguments[0] = coerce(arguments[0].clone(), &shared)?;
        arguments[2] = coerce(arguments[2].clone(), &shared)?;
    }
    Ok(arguments)
}

impl WindowSpec {
    fn parameters(
        &self,
        arguments: Vec<Expr>,
        filter: Option<Box<Expr>>,
        distinct: bool,
    ) -> WindowFunctionParams {
        let order_by: Vec<SortExpr> = self.order_by.iter().cloned().map(SortKey::lower).collect();
        let default = || WindowFrame::new((!order_by.is_empty()).then_some(false));
        let window_frame = self.frame.clone().unwrap_or_else(default);
        let partition_by = self
            .partition_by
            .iter()
            .cloned()
            // Partitions are found by order, where the two zeros of floats would be two.
            .map(|operand| sort_key(operand).expr)
            .collect();
        WindowFunctionParams {
            args: arguments,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment: None,
            distinct,
        }
    }
}

/// An aggregate as a window function: every aggregate in its expression gets the window.
fn over_aggregate(name: &str, call: AggregateCall, spec: &WindowSpec) -> Lowered {
    let aggregated = aggregate::lower(name, call)?;
    let windowed = aggregated.expr.transform_down(|node| {
        let Expr::AggregateFunction(function) = node else {
            return Ok(Transformed::no(node));
        };
        let mut params = spec.parameters(
            function.params.args,
            function.params.filter,
            function.params.distinct,
        );
        params.null_treatment = function.params.null_treatment;
        let window = WindowFunction {
            fun: WindowFunctionDefinition::AggregateUDF(function.func),
            params,
        };
        let expr = Expr::WindowFunction(Box::new(window));
        Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump))
    });
    match windowed.data() {
        Ok(expr) => Ok(Typed::new(expr, aggregated.data_type)),
        Err(error) => Err(OperatorError::Invalid {
            message: error.to_string(),
        }),
    }
}
