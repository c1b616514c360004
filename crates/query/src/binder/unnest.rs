//! UNNEST: one row per element of an array, beside the row that the array is from.
//!
//! An array is dynamic, and the plan's Unnest takes lists, so the array is made a list of dynamic
//! values first. `UNNEST(a AS x) t` gives the elements a name, `t.x`; without one, the keys of
//! elements that are objects are the columns of `t`.

use datafusion::common::{Column, NullHandling, UnnestOptions};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, FunctionArg, FunctionArgExpr, GroupByExpr, ObjectName, Query, Select, SelectItem,
    SetExpr, Spanned, TableAlias, TableFactor, UnaryOperator, Value as AstValue,
};

use super::elements::{self, ListOf};
use super::join::Part;
use super::names::Names;
use super::query::Ctes;
use super::scope::{Relation, Scope, ScopeColumn, Source};
use super::{Binder, OutputKind, Result, at, chains};
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};

/// An UNNEST in FROM.
pub(super) struct Unnest<'a> {
    pub(super) arguments: &'a [FunctionArg],
    pub(super) alias: Option<&'a TableAlias>,
    pub(super) with_ordinality: bool,
    pub(super) name: &'a ObjectName,
}

pub(super) fn as_unnest(factor: &TableFactor) -> Option<Unnest<'_>> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_ordinality,
            ..
        } if name.to_string().eq_ignore_ascii_case("unnest") => Some(Unnest {
            arguments: &args.args,
            alias: alias.as_ref(),
            with_ordinality: *with_ordinality,
            name,
        }),
        TableFactor::Function {
            name,
            alias,
            args,
            with_ordinality,
            ..
        } if name.to_string().eq_ignore_ascii_case("unnest") => Some(Unnest {
            arguments: args,
            alias: alias.as_ref(),
            with_ordinality: *with_ordinality,
            name,
        }),
        _ => None,
    }
}

/// The parts of `UNNEST(array AS element WITH ORDINALITY AS ordinal)`.
pub(super) struct Parts<'a> {
    pub(super) array: &'a Ast,
    pub(super) element: Option<String>,
    pub(super) ordinal: Option<String>,
}

impl Binder<'_> {
    /// Joins an UNNEST to the rows left of it, which its array may be a part of. With `keeps_left`
    /// a row whose array is empty stays.
    pub(super) fn unnest(
        &mut self,
        left: Option<Part>,
        unnest: &Unnest<'_>,
        keeps_left: bool,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let parts = parts_of(unnest)?;
        let left = match left {
            Some(left) => left,
            None => Part::unit()?,
        };
        let scope = left.scope(outer);
        let array = self.array(parts.array, &Names::fields(&scope, ctes, "UNNEST"))?;
        self.count_relation(super::position(parts.array))?;
        let name = unnest.alias.map(|alias| alias.name.value.clone());
        let qualifier = self.qualifiers.take(name.as_deref().unwrap_or("unnest"));

        let mut exprs: Vec<_> = left
            .plan
            .schema()
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
        let mut lists = Vec::new();
        let mut columns = Vec::new();
        let mut add = |of: ListOf, suffix: &str, kind: OutputKind, name: String| {
            let column = Column::from_name(format!("{qualifier}.{suffix}"));
            exprs.push(elements::list(of, array.expr.clone()).alias(column.name.clone()));
            let value = Typed::new(Expr::Column(column.clone()), elements::element_type(of));
            lists.push(column);
            columns.push(ScopeColumn { name, kind, value });
        };
        match parts.element {
            Some(name) => add(ListOf::Elements, "element", OutputKind::Value, name),
            None => {
                let shown = name.clone();
                let shown = shown.unwrap_or_else(|| format!("?{}", unnest.name));
                add(ListOf::Elements, "element", OutputKind::Star, shown);
            }
        }
        if let Some(name) = parts.ordinal {
            add(ListOf::Ordinals, "ordinal", OutputKind::Value, name);
        }
        let null_handling = match keeps_left {
            true => NullHandling::PreserveAndExpandEmpty,
            false => NullHandling::Drop,
        };
        let options = UnnestOptions {
            null_handling,
            recursions: vec![],
        };
        let plan = LogicalPlanBuilder::from(left.plan.clone())
            .project(exprs)?
            .unnest_columns_with_options(lists, options)?
            .build()?;
        self.note_types(&plan);
        let relation = Relation {
            name,
            full_name: vec![],
            source: Source::Columns(columns),
        };
        Ok(left.with_relation(plan, relation))
    }

    /// The array of an UNNEST, as a dynamic value.
    pub(super) fn array(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        let array = self.value(expr, names)?;
        if array.is_dynamic() || array.is_null_type() {
            return Ok(operators::to_dynamic(array));
        }
        let message = format!("UNNEST takes an array, found {}", array.sql_type().name());
        Err(QueryError::semantic(message, super::position(expr)))
    }

    /// `x IN (SELECT e.f FROM UNNEST(array AS e))` over an array of the query around it: a question
    /// about one value, which needs no join. `None` for every other query.
    pub(super) fn in_unnest(
        &mut self,
        operand: &Ast,
        query: &Query,
        negated: bool,
        names: &Names<'_>,
    ) -> Result<Option<Typed>> {
        let Some((unnest, item)) = plain_unnest(query) else {
            return Ok(None);
        };
        let parts = parts_of(&unnest)?;
        if matches!(parts.array, Ast::Subquery(_) | Ast::Nested(_)) || parts.ordinal.is_some() {
            return Ok(None);
        }
        let Some(steps) = element_steps(item, &unnest, parts.element.as_deref()) else {
            return Ok(None);
        };
        let array = operators::to_dynamic(self.value(parts.array, names)?);
        let array = match steps.is_empty() {
            true => array,
            false => elements::fields_of_elements(array, steps),
        };
        let value = operators::to_dynamic(self.value(operand, names)?);
        let found = elements::in_elements(value, array);
        if negated {
            return operators::unary(&UnaryOperator::Not, found)
                .map(Some)
                .map_err(at(operand));
        }
        Ok(Some(found))
    }
}

pub(super) fn parts_of<'a>(unnest: &Unnest<'a>) -> Result<Parts<'a>> {
    let place = Position::of(unnest.name.span());
    let expr = |argument: &'a FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    };
    let name = |argument: &'a FunctionArg| match expr(argument) {
        Some(Ast::Value(value)) => match &value.value {
            AstValue::NationalStringLiteral(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    let Some(array) = unnest.arguments.first().and_then(expr) else {
        return Err(QueryError::semantic("UNNEST takes an array", place));
    };
    let names = unnest.arguments[1..]
        .iter()
        .map(name)
        .collect::<Option<Vec<_>>>();
    let Some(names) = names else {
        return Err(QueryError::semantic("UNNEST takes one array", place));
    };
    let mut names = names.into_iter();
    let mut element = names.next().filter(|name| !name.is_empty());
    let mut ordinal = names.next();
    let mut outside = unnest.alias.iter().flat_map(|alias| alias.columns.iter());
    if let Some(name) = outside.next() {
        element = Some(name.name.value.clone());
    }
    if unnest.with_ordinality {
        let name = outside
            .next()
            .map_or_else(|| "ordinality".to_owned(), |c| c.name.value.clone());
        ordinal = Some(name);
    }
    Ok(Parts {
        array,
        element,
        ordinal,
    })
}

/// `SELECT <path> FROM UNNEST(…)` and nothing else.
fn plain_unnest(query: &Query) -> Option<(Unnest<'_>, &Ast)> {
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let Select {
        projection,
        from,
        selection: None,
        having: None,
        distinct: None,
        group_by,
        ..
    } = select.as_ref()
    else {
        return None;
    };
    let is_grouped = !matches!(group_by, GroupByExpr::Expressions(terms, _) if terms.is_empty());
    let ([SelectItem::UnnamedExpr(item)], [tables]) = (projection.as_slice(), from.as_slice())
    else {
        return None;
    };
    if !is_plain || is_grouped || !tables.joins.is_empty() {
        return None;
    }
    as_unnest(&tables.relation).map(|unnest| (unnest, item))
}

/// The steps of `item` within one element.
fn element_steps(item: &Ast, unnest: &Unnest<'_>, element: Option<&str>) -> Option<Vec<String>> {
    let (mut steps, _) = chains::constant_steps(item, &[])?;
    let alias = unnest.alias.map(|alias| alias.name.value.as_str());
    if steps.first().map(String::as_str) == alias {
        steps.remove(0);
    }
    if let Some(element) = element {
        if steps.first().map(String::as_str) != Some(element) {
            return None;
        }
        steps.remove(0);
    }
    Some(steps)
}
