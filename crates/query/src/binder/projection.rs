//! The select list: named items, stars, and stars without some fields.

use datafusion::sql::sqlparser::ast::{
    Expr as Ast, ObjectName, SelectItem, SelectItemQualifiedWildcardKind, Spanned,
    Value as AstValue, WildcardAdditionalOptions,
};

use super::names::{Alias, Names};
use super::naming::Namer;
use super::scope::{Relation, ScopeColumn, Source};
use super::{Binder, OutputKind, Result, chains, elements};
use crate::dialect::marker;
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};
use crate::scan::PathUse;

/// One column of a select list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: OutputKind,
    pub(super) value: Typed,
    /// Where it stands in the text.
    pub(super) place: Option<Position>,
    /// Whether the statement itself names it with AS.
    explicit: bool,
}

impl Item {
    /// The name that the statement itself gives it, for HAVING.
    pub(super) fn alias(&self) -> Option<Alias> {
        if self.explicit { self.output() } else { None }
    }

    /// The name under which it appears in the result, for ORDER BY.
    pub(super) fn output(&self) -> Option<Alias> {
        (self.kind == OutputKind::Value).then(|| Alias {
            name: self.name.clone(),
            value: self.value.clone(),
        })
    }
}

impl Binder<'_> {
    /// Binds a select list.
    pub(super) fn projection(
        &mut self,
        list: &[SelectItem],
        names: &Names<'_>,
    ) -> Result<Vec<Item>> {
        let mut namer = Namer::default();
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let value = self.item(expr, names)?;
                    let name = namer.name(expr);
                    items.push(Item {
                        name,
                        kind: OutputKind::Value,
                        value,
                        place: super::position(expr),
                        explicit: false,
                    });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let value = self.item(expr, names)?;
                    let name = alias.value.clone();
                    items.push(Item {
                        name,
                        kind: OutputKind::Value,
                        value,
                        place: super::position(expr),
                        explicit: true,
                    });
                }
                SelectItem::Wildcard(options) => {
                    let position = Position::of(options.wildcard_token.0.span);
                    if names.scope.relations.is_empty() {
                        let message = "`*` needs a FROM";
                        return Err(QueryError::semantic(message, position));
                    }
                    let columns = star_columns(&names.scope.relations)?;
                    items.extend(without(columns, options)?);
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    let columns = self.qualified_star(kind, options, names)?;
                    items.extend(without(columns, options)?);
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    return Err(super::expression::unsupported("a list of aliases", expr));
                }
            }
        }
        Ok(items)
    }

    /// The value of a select item. Where undefined is told apart from null, only a path can be
    /// undefined: whatever else gives nothing gives null.
    fn item(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        let value = self.expr(expr, names, names.wanted)?;
        let is_told_apart = names.wanted == PathUse::Dynamic && value.is_dynamic();
        Ok(match is_told_apart && !is_path(expr) {
            true => operators::null_if_undefined(value)?,
            false => value,
        })
    }

    /// `t.*` for a relation, `a.b.*` for a field that holds objects.
    fn qualified_star(
        &mut self,
        kind: &SelectItemQualifiedWildcardKind,
        options: &WildcardAdditionalOptions,
        names: &Names<'_>,
    ) -> Result<Vec<ScopeColumn>> {
        let value = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                if let Some(relation) = relation_named(name, &names.scope.relations) {
                    return relation_star(relation);
                }
                let steps = chains::name_parts(name);
                let place = Position::of(options.wildcard_token.0.span);
                names
                    .scope
                    .resolve(&steps, PathUse::Dynamic, names.grouped, place)?
            }
            SelectItemQualifiedWildcardKind::Expr(expr) => {
                self.expr(expr, names, PathUse::Dynamic)?
            }
        };
        let value = operators::to_dynamic(value);
        Ok(vec![ScopeColumn {
            name: String::new(),
            kind: OutputKind::Star,
            value,
        }])
    }
}

/// Whether an expression is a path or `UNDEFINED`.
pub(super) fn is_path(expr: &Ast) -> bool {
    match expr {
        Ast::Nested(inner) => is_path(inner),
        Ast::Identifier(_) | Ast::CompoundIdentifier(_) | Ast::CompoundFieldAccess { .. } => true,
        Ast::Function(function) => function.name.to_string().eq_ignore_ascii_case("field"),
        Ast::Value(value) => matches!(&value.value, AstValue::Placeholder(name)
            if name == marker::UNDEFINED),
        _ => false,
    }
}

fn relation_named<'r>(name: &ObjectName, relations: &'r [Relation]) -> Option<&'r Relation> {
    let parts = chains::name_parts(name);
    relations.iter().find(|relation| match parts.as_slice() {
        [only] => relation.name.as_ref() == Some(only),
        parts => relation.full_name == parts,
    })
}

/// What `*` stands for.
pub(super) fn star_columns(relations: &[Relation]) -> Result<Vec<ScopeColumn>> {
    let mut columns = Vec::new();
    for relation in relations {
        columns.extend(relation_star(relation)?);
    }
    Ok(columns)
}

fn relation_star(relation: &Relation) -> Result<Vec<ScopeColumn>> {
    match &relation.source {
        Source::Columns(columns) => Ok(columns.iter().map(spread).collect()),
        Source::Collection { .. } => {
            let value = relation
                .document()
                .map_err(|error| super::operator_error(error, None))?;
            Ok(vec![ScopeColumn {
                name: String::new(),
                kind: OutputKind::Star,
                value,
            }])
        }
    }
}

/// A column as a star shows it. A star with a name holds values that need not be objects: those are
/// members of that name.
fn spread(column: &ScopeColumn) -> ScopeColumn {
    match column.kind {
        OutputKind::Star if !column.name.is_empty() => ScopeColumn {
            name: String::new(),
            kind: OutputKind::Star,
            value: elements::as_object(column.value.clone(), &column.name),
        },
        _ => column.clone(),
    }
}

/// The columns of a star less those of its EXCEPT.
fn without(columns: Vec<ScopeColumn>, options: &WildcardAdditionalOptions) -> Result<Vec<Item>> {
    let foreign = options.opt_ilike.is_some()
        || options.opt_exclude.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some();
    if foreign {
        let position = Position::of(options.span());
        return Err(QueryError::not_implemented("this form of `*`", position));
    }
    let place = Position::of(options.wildcard_token.0.span);
    let mut dropped = Vec::new();
    if let Some(except) = &options.opt_except {
        dropped.push(except.first_element.value.clone());
        dropped.extend(
            except
                .additional_elements
                .iter()
                .map(|name| name.value.clone()),
        );
    }
    let kept = columns.into_iter().filter_map(|column| match column.kind {
        OutputKind::Value if dropped.contains(&column.name) => None,
        OutputKind::Star if !dropped.is_empty() => {
            let value = elements::without_fields(column.value.clone(), dropped.clone());
            Some(ScopeColumn { value, ..column })
        }
        _ => Some(column),
    });
    Ok(kept
        .map(|ScopeColumn { name, kind, value }| Item {
            name,
            kind,
            value,
            place,
            explicit: false,
        })
        .collect())
}

/// The expression of the select item that `name` or a place in GROUP BY means.
pub(super) fn item_expression<'l>(list: &'l [SelectItem], name: &str) -> Option<&'l Ast> {
    list.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if alias.value == name => Some(expr),
        _ => None,
    })
}
