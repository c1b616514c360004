//! Nodes of the dialect that the syntax tree of `sqlparser` has no variant for.
//!
//! They are written as variants that nothing else in the dialect produces, so that the binder can
//! tell them apart without a tree of its own:
//!
//! | written | in the tree |
//! |---|---|
//! | `UNDEFINED` | [`Value::Placeholder`] of [`UNDEFINED`] |
//! | `:name`, `?` | [`Value::Placeholder`] of `:name`, `:1` |
//! | `x IS UNDEFINED` | a call of [`IS_UNDEFINED`] |
//! | `STATIC_CAST`, `TRY_STATIC_CAST` | [`Expr::Convert`], `is_try` tells which |
//! | `SEARCH(m) OPTION(match_all=false)` | `SEARCH(m, N'false')` |
//! | `ARRAY_AGG(x LIMIT n OFFSET m)` | `ARRAY_AGG(x LIMIT [n, m])` |
//! | `UNNEST(x AS y WITH ORDINALITY AS n)` | `UNNEST(x, N'y', N'n')` |

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Value,
};
use datafusion::sql::sqlparser::tokenizer::Span;

/// The text of the placeholder that stands for the literal `UNDEFINED`.
pub(crate) const UNDEFINED: &str = "undefined";

/// Name of the call that stands for `IS UNDEFINED`. No identifier holds a blank unless quoted.
pub(crate) const IS_UNDEFINED: &str = "is undefined";

/// Name of the call that stands for `IS NOT UNDEFINED`.
pub(crate) const IS_NOT_UNDEFINED: &str = "is not undefined";

/// The literal `UNDEFINED` at `span`.
pub(crate) fn undefined(span: Span) -> Expr {
    Expr::Value(Value::Placeholder(UNDEFINED.to_owned()).with_span(span))
}

/// `operand IS [NOT] UNDEFINED`.
pub(crate) fn is_undefined(operand: Expr, negated: bool, span: Span) -> Expr {
    let name = if negated {
        IS_NOT_UNDEFINED
    } else {
        IS_UNDEFINED
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote_and_span('"', span, name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(operand))],
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The name of the parameter that `placeholder` stands for.
pub(crate) fn parameter_name(placeholder: &str) -> Option<&str> {
    placeholder.strip_prefix(':')
}
