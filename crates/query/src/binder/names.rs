//! What an expression may refer to, which depends on the clause it stands in.

use datafusion::sql::sqlparser::ast::{Expr as Ast, NamedWindowDefinition};

use super::Result;
use super::query::Ctes;
use super::scope::{PathKey, Scope};
use crate::operators::Typed;
use crate::scan::PathUse;

/// A name given by the select list.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) value: Typed,
}

/// The names that an expression may use, and what it may hold.
#[derive(Clone, Copy)]
pub(super) struct Names<'s> {
    /// Relations and their fields.
    pub(super) scope: &'s Scope<'s>,
    /// CTEs that subqueries may read.
    pub(super) ctes: &'s Ctes,
    /// Select items that hide fields of the same name, though not relations: in ORDER BY and HAVING.
    pub(super) aliases: &'s [Alias],
    /// Fields that the query groups by.
    pub(super) grouped: &'s [PathKey],
    /// The WINDOW clause.
    pub(super) windows: &'s [NamedWindowDefinition],
    /// The clause, for errors.
    pub(super) clause: &'static str,
    /// Whether aggregate functions make sense here.
    pub(super) aggregates: bool,
    /// Whether window functions make sense here.
    pub(super) window_functions: bool,
    /// What `SCORE()` is, if there is a SEARCH.
    pub(super) score: Option<&'s Typed>,
    /// How select items that are paths are taken.
    pub(super) wanted: PathUse,
}

impl<'s> Names<'s> {
    /// Fields only, no aggregates: the rules of WHERE, ON and FROM.
    pub(super) fn fields(scope: &'s Scope<'s>, ctes: &'s Ctes, clause: &'static str) -> Self {
        Self {
            scope,
            ctes,
            aliases: &[],
            grouped: &[],
            windows: &[],
            clause,
            aggregates: false,
            window_functions: false,
            score: None,
            wanted: PathUse::Value,
        }
    }

    /// The rules inside the arguments of an aggregate: rows, not groups.
    pub(super) fn rows(&self) -> Self {
        Self {
            aliases: &[],
            grouped: &[],
            aggregates: false,
            window_functions: false,
            ..*self
        }
    }

    /// Whether the expression is a filter of rows, in which IN and EXISTS may become joins.
    pub(super) fn is_filter(&self) -> bool {
        matches!(self.clause, "WHERE" | "HAVING")
    }

    /// What the chain `steps` means here. A select item does not hide the fields of a relation that
    /// has its name.
    pub(super) fn resolve(&self, steps: &[String], wanted: PathUse, expr: &Ast) -> Result<Typed> {
        let mut aliases = self.aliases.iter().rev();
        if let Some(alias) = aliases.find(|alias| alias.name == steps[0])
            && !self.scope.names_field(steps)
        {
            return super::scope::fields(alias.value.clone(), &steps[1..]).map_err(super::at(expr));
        }
        self.scope
            .resolve(steps, wanted, self.grouped, super::position(expr))
    }
}
