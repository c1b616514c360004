//! Names of result columns that the statement does not name.
//!
//! A path is named after its last step. A call is `?` and the name of the function in lower case,
//! anything else `?field0`, `?field1` and so on. A second unnamed call of one function gets a number,
//! since both are members of one object.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{AccessExpr, CastKind, Expr, Subscript, Value};

/// Gives names to the unnamed items of one select list.
#[derive(Debug, Default)]
pub(super) struct Namer {
    unnamed: usize,
    taken: HashSet<String>,
}

impl Namer {
    /// The name of an item without an alias.
    pub(super) fn name(&mut self, expr: &Expr) -> String {
        if let Some(step) = last_step(expr) {
            return step;
        }
        match function_name(expr) {
            Some(name) => self.distinct(format!("?{}", name.to_lowercase())),
            None => {
                let name = format!("?field{}", self.unnamed);
                self.unnamed += 1;
                self.distinct(name)
            }
        }
    }

    fn distinct(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        let mut number = 1;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        candidate
    }
}

/// The last step of a path, if the expression is one that ends in a named step.
fn last_step(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(name)) => Some(name.value.clone()),
            AccessExpr::Subscript(Subscript::Index {
                index: Expr::Value(key),
            }) => match &key.value {
                Value::SingleQuotedString(key) => Some(key.clone()),
                _ => None,
            },
            _ => None,
        },
        Expr::Nested(inner) => last_step(inner),
        _ => None,
    }
}

fn function_name(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Function(function) => {
            let name = function.name.0.last()?.as_ident()?;
            if name.quote_style.is_some() && name.value.contains(' ') {
                return None;
            }
            name.value.clone()
        }
        Expr::Cast {
            kind: CastKind::Cast,
            ..
        } => "cast".to_owned(),
        Expr::Cast {
            kind: CastKind::TryCast,
            ..
        } => "try_cast".to_owned(),
        Expr::Convert { is_try: false, .. } => "static_cast".to_owned(),
        Expr::Convert { is_try: true, .. } => "try_static_cast".to_owned(),
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Substring {
            shorthand: true, ..
        } => "substr".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Trim { .. } => "trim".to_owned(),
        Expr::Nested(inner) => return function_name(inner),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr};

    fn names(sql: &str) -> Vec<String> {
        let statement = crate::dialect::parse(sql).expect("the test's SQL parses");
        let SetExpr::Select(select) = *statement.query.body else {
            panic!("no select")
        };
        let mut namer = Namer::default();
        let name = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(expr) => namer.name(expr),
            other => panic!("{other:?}"),
        };
        select.projection.iter().map(name).collect()
    }

    #[test]
    fn paths_are_named_after_their_last_step() {
        assert_eq!(
            names("SELECT a, a.b.c, a[1].d, a['k'], (x.y)"),
            ["a", "c", "d", "k", "y"]
        );
    }

    #[test]
    fn calls_and_other_expressions_get_distinct_marks() {
        assert_eq!(
            names(
                "SELECT COUNT(*), count(x), _script.Delay(1), 1, a + 1, a[1], a::int, CAST(a AS int)"
            ),
            [
                "?count", "?count_2", "?delay", "?field0", "?field1", "?field2", "?field3", "?cast"
            ]
        );
    }
}
