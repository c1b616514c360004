//! Calls: scalar functions, aggregates, window functions.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr as Ast, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, NullTreatment, ObjectName, OrderByExpr, Spanned,
    Value as AstValue, WindowSpec as AstWindow, WindowType,
};
use outcrop_document::Value;

use super::expression::unsupported;
use super::names::Names;
use super::{Binder, Result, at, chains};
use crate::dialect::marker;
use crate::error::{Position, QueryError};
use crate::functions::{self, AggregateCall, WindowSpec};
use crate::operators::{self, OperatorError, SortKey, Typed};
use crate::scan::PathUse;
use crate::script;

/// What stands before the name of a function of the statement's script.
const SCRIPT: &str = "_script.";

/// Functions that tell an explicit null from undefined, so they take the dynamic form of a path.
const SEE_NULLS: &[&str] = &["typeof", "json_format"];

/// Aggregates that give a float whatever the numbers are, so ints and floats of one path may as well
/// all be floats. `SUM` is none: of ints it is an int.
const OVER_NUMBERS: &[&str] = &[
    "avg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "geometric_mean",
];

impl Binder<'_> {
    /// Binds a call.
    pub(super) fn call(
        &mut self,
        function: &Function,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        let name = chains::name_parts(&function.name).join(".");
        let lower = name.to_ascii_lowercase();
        if lower == marker::IS_UNDEFINED || lower == marker::IS_NOT_UNDEFINED {
            let operand = self.arguments(function, names, PathUse::Dynamic)?;
            let operand = operand
                .into_iter()
                .next()
                .expect("the parser gives it one operand");
            let negated = lower == marker::IS_NOT_UNDEFINED;
            return operators::is_undefined(operand, negated).map_err(at(expr));
        }
        let is_field = lower == "field";
        if is_field {
            return self.field_call(function, expr, names);
        }
        if let Some(found) = self.search_call(&lower, function, expr, names)? {
            return Ok(found);
        }
        let limit = limit_of(function);
        if let Some(limit) = limit
            && lower != "array_agg"
        {
            return Err(unsupported(
                &format!("`LIMIT` in a call of `{name}`"),
                limit,
            ));
        }
        let bound = if function.over.is_some() {
            self.window_call(&name, function, expr, names)?
        } else if functions::is_aggregate(&lower) {
            self.aggregate_call(&name, function, expr, names)?
        } else {
            self.scalar_call(&name, function, expr, names)?
        };
        let bound = bound.map_err(|error| call_error(error, &name, &function.name))?;
        match limit {
            Some(limit) => self.elements_within(bound, limit, names),
            None => Ok(bound),
        }
    }

    /// The elements of an array that `LIMIT n OFFSET m` leaves, which is read as `[n, m]`.
    fn elements_within(&mut self, array: Typed, limit: &Ast, names: &Names<'_>) -> Result<Typed> {
        let Ast::Array(counts) = limit else {
            return Err(unsupported("this form of `LIMIT` in a call", limit));
        };
        let mut count = |place: usize, clause| match counts.elem.get(place) {
            Some(count) => self.row_count(count, clause, names.ctes),
            None => Ok(None),
        };
        let (fetch, skip) = (count(0, "LIMIT")?, count(1, "OFFSET")?);
        let number = |count: usize| {
            operators::literal(&Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
        };
        let mut arguments = vec![array, number(skip.unwrap_or(0).saturating_add(1))];
        arguments.extend(fetch.map(number));
        functions::call("SLICE", arguments).map_err(at(limit))
    }

    fn scalar_call(
        &mut self,
        name: &str,
        function: &Function,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Result<Typed, OperatorError>> {
        if functions::is_window_only(name) {
            let message = format!("`{name}` is a window function: it needs OVER (…)");
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        if function.filter.is_some() {
            let message = format!("`{name}` is no aggregate, so it takes no FILTER");
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        let lower = name.to_ascii_lowercase();
        let wanted = match SEE_NULLS.contains(&lower.as_str()) {
            true => PathUse::Dynamic,
            false => PathUse::Value,
        };
        if let Some(own) = name.strip_prefix(SCRIPT) {
            let arguments = self.arguments(function, names, wanted)?;
            return Ok(match &self.text.script {
                Some(program) if program.has(own) => Ok(script::call(program, own, arguments)),
                _ => Err(OperatorError::UnknownFunction {
                    name: name.to_owned(),
                }),
            });
        }
        let arguments = match lower.as_str() {
            "normalize" => self.arguments(&with_form_as_text(function), names, wanted)?,
            _ => self.arguments(function, names, wanted)?,
        };
        Ok(functions::call_at(name, arguments, self.context.query_time))
    }

    fn aggregate_call(
        &mut self,
        name: &str,
        function: &Function,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Result<Typed, OperatorError>> {
        if !names.aggregates {
            let message = format!("the aggregate `{name}` cannot stand in {}", names.clause);
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        self.aggregate_calls += 1;
        if name.eq_ignore_ascii_case("grouping") && !self.is_rollup {
            // Its arguments are the terms of GROUP BY themselves, not rows of a group.
            let terms = Names {
                aggregates: false,
                window_functions: false,
                ..*names
            };
            let call = self.aggregate_parts(name, function, &terms)?;
            return Ok(functions::aggregate_call(name, call));
        }
        if name.eq_ignore_ascii_case("sum")
            && !self.is_rollup
            && let Some(sum) = self.sum_of_numbers(function, &names.rows())?
        {
            return Ok(sum);
        }
        let call = self.aggregate_parts(name, function, &names.rows())?;
        Ok(match self.is_rollup {
            true => functions::rollup_call(name, call),
            false => functions::aggregate_call(name, call),
        })
    }

    fn window_call(
        &mut self,
        name: &str,
        function: &Function,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Result<Typed, OperatorError>> {
        if !names.window_functions {
            let message = format!(
                "the window function `{name}` cannot stand in {}",
                names.clause
            );
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        if name.eq_ignore_ascii_case("grouping") {
            let message = "`GROUPING` is no window function, so it takes no OVER";
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        let inside = Names {
            window_functions: false,
            aliases: &[],
            ..*names
        };
        let call = self.aggregate_parts(name, function, &inside)?;
        let window = match function.over.as_ref() {
            Some(WindowType::WindowSpec(window)) => window.clone(),
            Some(WindowType::NamedWindow(window)) => named_window(&window.value, names, expr)?,
            None => return Err(unsupported("a window function without OVER", expr)),
        };
        let spec = self.window_spec(&window, expr, &inside)?;
        Ok(functions::window_call(name, call, spec))
    }

    fn aggregate_parts(
        &mut self,
        name: &str,
        function: &Function,
        names: &Names<'_>,
    ) -> Result<AggregateCall> {
        let wanted = match OVER_NUMBERS.contains(&name.to_ascii_lowercase().as_str()) {
            true => PathUse::Number,
            false => PathUse::Value,
        };
        self.aggregate_parts_as(wanted, function, names)
    }

    /// Binds the parts of an aggregate call; `wanted` is the form of a path that is an argument.
    pub(super) fn aggregate_parts_as(
        &mut self,
        wanted: PathUse,
        function: &Function,
        names: &Names<'_>,
    ) -> Result<AggregateCall> {
        let arguments = self.arguments(function, names, wanted)?;
        let filter = match &function.filter {
            Some(filter) => Some(self.value(filter, names)?),
            None => None,
        };
        let mut distinct = false;
        let mut order_by = Vec::new();
        if let FunctionArguments::List(list) = &function.args {
            distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
            for clause in &list.clauses {
                match clause {
                    FunctionArgumentClause::OrderBy(keys) => {
                        order_by = self.sort_keys(keys, names)?;
                    }
                    FunctionArgumentClause::IgnoreOrRespectNulls(NullTreatment::RespectNulls)
                    | FunctionArgumentClause::Limit(_) => {}
                    other => {
                        let what = format!("`{other}` in a call");
                        return Err(QueryError::not_implemented(
                            what,
                            Position::of(function.span()),
                        ));
                    }
                }
            }
        }
        Ok(AggregateCall {
            arguments,
            distinct,
            filter,
            order_by,
        })
    }

    fn window_spec(
        &mut self,
        window: &AstWindow,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<WindowSpec> {
        let mut window = window.clone();
        if let Some(base) = window.window_name.take() {
            let base = named_window(&base.value, names, expr)?;
            window.partition_by = base.partition_by;
            if window.order_by.is_empty() {
                window.order_by = base.order_by;
            }
        }
        let partition_by = self.values(&window.partition_by, names)?;
        let mut order_by = self.sort_keys(&window.order_by, names)?;
        let frame = match window.window_frame {
            Some(frame) => Some(self.frame(frame, &mut order_by, expr, names)?),
            None => None,
        };
        Ok(WindowSpec {
            partition_by,
            order_by,
            frame,
        })
    }

    /// Binds the terms of an ORDER BY without aliases or ordinals.
    pub(super) fn sort_keys(
        &mut self,
        keys: &[OrderByExpr],
        names: &Names<'_>,
    ) -> Result<Vec<SortKey>> {
        keys.iter()
            .map(|key| {
                let operand = self.number(&key.expr, names)?;
                Ok(SortKey {
                    operand,
                    ascending: key.options.asc.unwrap_or(true),
                    nulls_first: key.options.nulls_first.unwrap_or(false),
                })
            })
            .collect()
    }

    fn arguments(
        &mut self,
        function: &Function,
        names: &Names<'_>,
        wanted: PathUse,
    ) -> Result<Vec<Typed>> {
        let list = match &function.args {
            FunctionArguments::None => return Ok(vec![]),
            FunctionArguments::Subquery(_) => {
                let what = "a query as the argument of a function";
                return Err(QueryError::not_implemented(
                    what,
                    Position::of(function.span()),
                ));
            }
            FunctionArguments::List(list) => list,
        };
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => {
                    arguments.push(self.expr(value, names, wanted)?);
                }
                // `COUNT(*)`: no argument counts rows.
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 => {}
                other => {
                    let message = format!("`{other}` cannot be an argument");
                    return Err(QueryError::semantic(message, Position::of(function.span())));
                }
            }
        }
        Ok(arguments)
    }

    /// `FIELD('a.b')` and `FIELD('t', 'a.b')`: a path from constants.
    fn field_call(&mut self, function: &Function, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        let mut steps = Vec::new();
        for argument in self.arguments(function, names, PathUse::Value)? {
            let Some(Value::String(text)) = operators::literal_value(&argument) else {
                let message = "FIELD takes constant texts";
                return Err(QueryError::semantic(message, super::position(expr)));
            };
            let path = text.parse::<outcrop_document::FieldPath>();
            let path = path
                .map_err(|error| QueryError::semantic(error.to_string(), super::position(expr)))?;
            steps.extend(path.steps().iter().cloned());
        }
        if steps.is_empty() {
            return Err(QueryError::semantic(
                "FIELD takes a path",
                super::position(expr),
            ));
        }
        names.resolve(&steps, PathUse::Value, expr)
    }
}

/// The LIMIT inside the brackets of a call.
fn limit_of(function: &Function) -> Option<&Ast> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::Limit(limit) => Some(limit),
        _ => None,
    })
}

/// `NORMALIZE(x, NFD)`: the form is a bare word, which is the same as its text.
fn with_form_as_text(function: &Function) -> Function {
    let mut function = function.clone();
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(form))) = list.args.get_mut(1)
        && let Ast::Identifier(word) = form
        && word.quote_style.is_none()
    {
        let text = AstValue::SingleQuotedString(word.value.clone());
        *form = Ast::Value(text.with_span(word.span));
    }
    function
}

fn named_window(name: &str, names: &Names<'_>, expr: &Ast) -> Result<AstWindow> {
    use datafusion::sql::sqlparser::ast::NamedWindowExpr;
    let mut wanted = name.to_owned();
    for _ in 0..=names.windows.len() {
        let Some(definition) = names.windows.iter().find(|window| window.0.value == wanted) else {
            break;
        };
        match &definition.1 {
            NamedWindowExpr::WindowSpec(window) => return Ok(window.clone()),
            NamedWindowExpr::NamedWindow(other) => wanted = other.value.clone(),
        }
    }
    Err(QueryError::semantic(
        format!("there is no window `{name}`"),
        super::position(expr),
    ))
}

fn call_error(error: OperatorError, name: &str, written: &ObjectName) -> QueryError {
    let position = Position::of(written.span());
    match error {
        OperatorError::UnknownFunction { .. } => QueryError::UnknownFunction {
            name: name.to_owned(),
            position,
        },
        other => super::operator_error(other, position),
    }
}
