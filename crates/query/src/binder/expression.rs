//! Expressions: every node of the syntax tree, typed bottom-up.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen, CastKind as AstCast, CeilFloorKind,
    DataType as AstType, Expr as Ast, ObjectNamePart, Spanned, Subscript, TrimWhereField,
    UnaryOperator, Value as AstValue, ValueWithSpan,
};
use outcrop_document::Value;

use super::names::Names;
use super::scope::undefined;
use super::{Binder, Result, at, chains, literal};
use crate::dialect::marker;
use crate::error::QueryError;
use crate::functions;
use crate::operators::{self, CastKind, Typed};
use crate::scan::PathUse;
use crate::types::SqlType;

impl Binder<'_> {
    /// Binds an expression whose value is wanted as it is.
    pub(super) fn value(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        self.expr(expr, names, PathUse::Value)
    }

    /// Binds a list of expressions.
    pub(super) fn values(&mut self, list: &[Ast], names: &Names<'_>) -> Result<Vec<Typed>> {
        list.iter().map(|expr| self.value(expr, names)).collect()
    }

    /// Binds an expression. `wanted` says which column of a path to take, if it is a path.
    #[recursive::recursive]
    pub(super) fn expr(&mut self, expr: &Ast, names: &Names<'_>, wanted: PathUse) -> Result<Typed> {
        match expr {
            Ast::Nested(inner) => self.expr(inner, names, wanted),
            Ast::Identifier(_) | Ast::CompoundIdentifier(_) | Ast::CompoundFieldAccess { .. } => {
                self.path(expr, names, wanted)
            }
            Ast::Value(value) if is_undefined(value) => Ok(undefined(wanted)),
            Ast::Value(value) => self.literal(value),
            Ast::TypedString(typed) => {
                let text = literal::value(&typed.value.value, self.context);
                self.typed_text(&typed.data_type, text, expr)
            }
            Ast::Interval(interval) => {
                let value = literal::interval(interval, self.context);
                self.constant(value, expr)
            }
            Ast::UnaryOp { op, expr: operand } => self.unary(*op, operand, expr, names),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right, names),
            Ast::Function(function) => self.call(function, expr, names),
            Ast::Subquery(query) => self.scalar_subquery(query, expr, names),
            Ast::Exists { subquery, negated } => self.exists(subquery, *negated, names),
            Ast::InSubquery {
                expr: operand,
                subquery,
                negated,
            } => self.in_subquery(operand, subquery, *negated, names),
            Ast::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, right, false, expr, names),
            Ast::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, right, true, expr, names),
            Ast::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(
                operand.as_deref(),
                conditions,
                else_result.as_deref(),
                expr,
                names,
            ),
            Ast::Array(Array { elem, .. }) => {
                let elements = self.dynamics(elem, names)?;
                operators::array(elements).map_err(at(expr))
            }
            Ast::Dictionary(fields) => {
                let mut members = Vec::with_capacity(fields.len());
                for field in fields {
                    let key = operators::literal(&Value::String(field.key.value.clone()));
                    members.push((key, self.expr(&field.value, names, PathUse::Dynamic)?));
                }
                operators::object(members).map_err(at(expr))
            }
            _ => self.special(expr, names),
        }
    }

    /// Conditions, casts, and whatever is left.
    fn special(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        match expr {
            Ast::InList {
                expr: operand,
                list,
                negated,
            } => {
                let operand = self.number(operand, names)?;
                operators::in_list(operand, self.values(list, names)?, *negated)
            }
            Ast::Between {
                expr: operand,
                negated,
                low,
                high,
            } => {
                let operand = self.number(operand, names)?;
                let low = self.number(low, names)?;
                operators::between(operand, low, self.number(high, names)?, *negated)
            }
            Ast::Like {
                negated,
                any: false,
                expr: operand,
                pattern,
                escape_char,
            } => {
                let operand = self.value(operand, names)?;
                let escape = escape(escape_char.as_ref(), expr)?;
                operators::like(operand, self.value(pattern, names)?, escape, *negated)
            }
            Ast::Cast {
                kind,
                expr: operand,
                data_type,
                format: None,
                ..
            } => {
                let kind = match kind {
                    AstCast::Cast | AstCast::DoubleColon => CastKind::Cast,
                    AstCast::TryCast => CastKind::TryCast,
                    AstCast::SafeCast => return Err(unsupported("`SAFE_CAST`", expr)),
                };
                return self.cast(kind, operand, data_type, expr, names);
            }
            Ast::Convert {
                is_try,
                expr: operand,
                data_type: Some(data_type),
                ..
            } => {
                let kind = if *is_try {
                    CastKind::TryStaticCast
                } else {
                    CastKind::StaticCast
                };
                return self.cast(kind, operand, data_type, expr, names);
            }
            _ => return self.truth_test(expr, names),
        }
        .map_err(at(expr))
    }

    /// `IS [NOT] NULL` and the other tests that are never null themselves.
    fn truth_test(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        match expr {
            Ast::IsNull(operand) => operators::is_null(self.value(operand, names)?, false),
            Ast::IsNotNull(operand) => operators::is_null(self.value(operand, names)?, true),
            Ast::IsUnknown(operand) => operators::is_null(self.value(operand, names)?, false),
            Ast::IsNotUnknown(operand) => operators::is_null(self.value(operand, names)?, true),
            Ast::IsTrue(operand) => operators::is_truth(self.value(operand, names)?, true, false),
            Ast::IsNotTrue(operand) => operators::is_truth(self.value(operand, names)?, true, true),
            Ast::IsFalse(operand) => operators::is_truth(self.value(operand, names)?, false, false),
            Ast::IsNotFalse(operand) => {
                operators::is_truth(self.value(operand, names)?, false, true)
            }
            Ast::IsDistinctFrom(left, right) => {
                let left = self.value(left, names)?;
                operators::is_distinct(left, self.value(right, names)?, false)
            }
            Ast::IsNotDistinctFrom(left, right) => {
                let left = self.value(left, names)?;
                operators::is_distinct(left, self.value(right, names)?, true)
            }
            _ => return self.call_like(expr, names),
        }
        .map_err(at(expr))
    }

    /// Forms of SQL that read like calls.
    fn call_like(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        match expr {
            Ast::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let operand = self.value(timestamp, names)?;
                operators::at_time_zone(operand, self.value(time_zone, names)?)
            }
            Ast::Extract {
                field,
                expr: operand,
                ..
            } => functions::extract(&field.to_string(), self.value(operand, names)?),
            Ast::Ceil {
                expr: operand,
                field: CeilFloorKind::DateTimeField(_),
            } => functions::call("CEIL", vec![self.value(operand, names)?]),
            Ast::Floor {
                expr: operand,
                field: CeilFloorKind::DateTimeField(_),
            } => functions::call("FLOOR", vec![self.value(operand, names)?]),
            Ast::Position { expr: needle, r#in } => {
                let needle = self.value(needle, names)?;
                functions::call("STRPOS", vec![self.value(r#in, names)?, needle])
            }
            Ast::Substring {
                expr: text,
                substring_from,
                substring_for,
                ..
            } => {
                let mut arguments = vec![self.value(text, names)?];
                match substring_from {
                    Some(from) => arguments.push(self.value(from, names)?),
                    None => arguments.push(operators::literal(&Value::Int(1))),
                }
                if let Some(length) = substring_for {
                    arguments.push(self.value(length, names)?);
                }
                functions::call("SUBSTR", arguments)
            }
            Ast::Trim {
                expr: text,
                trim_where,
                trim_what,
                trim_characters,
            } => {
                let mut arguments = vec![self.value(text, names)?];
                if let Some(what) = trim_what {
                    arguments.push(self.value(what, names)?);
                }
                for characters in trim_characters.iter().flatten() {
                    arguments.push(self.value(characters, names)?);
                }
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "LTRIM",
                    Some(TrimWhereField::Trailing) => "RTRIM",
                    _ => "TRIM",
                };
                functions::call(name, arguments)
            }
            Ast::Tuple(_) => return Err(unsupported("a row of values as one value", expr)),
            other => return Err(unsupported(&format!("the expression `{other}`"), expr)),
        }
        .map_err(at(expr))
    }

    /// Binds an operand of a comparison: a path of ints and floats as a float.
    pub(super) fn number(&mut self, expr: &Ast, names: &Names<'_>) -> Result<Typed> {
        self.expr(expr, names, PathUse::Number)
    }

    /// Binds members of arrays and objects, in which an explicit null is not undefined.
    fn dynamics(&mut self, list: &[Ast], names: &Names<'_>) -> Result<Vec<Typed>> {
        list.iter()
            .map(|expr| self.expr(expr, names, PathUse::Dynamic))
            .collect()
    }

    /// A chain of steps and subscripts.
    fn path(&mut self, expr: &Ast, names: &Names<'_>, wanted: PathUse) -> Result<Typed> {
        let no_access: &[AccessExpr] = &[];
        let (root, access) = match expr {
            Ast::CompoundFieldAccess { root, access_chain } => (&**root, access_chain.as_slice()),
            other => (other, no_access),
        };
        let steps = chains::constant_steps(root, access);
        let (mut value, rest) = match (script_call(root, access), steps) {
            (Some((call, rest)), _) => (self.value(&call, names)?, rest),
            (None, Some((steps, taken))) => {
                let rest = &access[taken..];
                let wanted = if rest.is_empty() {
                    wanted
                } else {
                    PathUse::Value
                };
                (names.resolve(&steps, wanted, expr)?, rest)
            }
            (None, None) => (self.value(root, names)?, access),
        };
        for step in rest {
            value = match step {
                AccessExpr::Dot(Ast::Identifier(name)) => operators::field(value, &name.value),
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let index = self.value(index, names)?;
                    operators::subscript(value, index)
                }
                AccessExpr::Dot(other) => {
                    return Err(unsupported(&format!("the path step `{other}`"), expr));
                }
                AccessExpr::Subscript(_) => return Err(unsupported("a slice of an array", expr)),
            }
            .map_err(at(expr))?;
        }
        Ok(value)
    }

    fn literal(&mut self, value: &ValueWithSpan) -> Result<Typed> {
        let constant = literal::value(&value.value, self.context);
        self.constant(constant, &Ast::Value(value.clone()))
    }

    fn constant(&self, value: Result<Value, literal::Complaint>, expr: &Ast) -> Result<Typed> {
        match value {
            Ok(value) => Ok(operators::literal(&value)),
            Err(complaint) => Err(QueryError::semantic(complaint, super::position(expr))),
        }
    }

    fn typed_text(
        &self,
        data_type: &AstType,
        text: Result<Value, literal::Complaint>,
        expr: &Ast,
    ) -> Result<Typed> {
        let target = sql_type(data_type, expr)?;
        let Ok(Value::String(text)) = text else {
            let message = format!("expected a text after `{data_type}`");
            return Err(QueryError::semantic(message, super::position(expr)));
        };
        match literal::typed(target, &text) {
            Some(value) => self.constant(value, expr),
            None => {
                let text = operators::literal(&Value::String(text));
                operators::cast(CastKind::Cast, text, target).map_err(at(expr))
            }
        }
    }

    fn cast(
        &mut self,
        kind: CastKind,
        operand: &Ast,
        data_type: &AstType,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        let target = sql_type(data_type, expr)?;
        let operand = self.value(operand, names)?;
        operators::cast(kind, operand, target).map_err(at(expr))
    }

    fn unary(
        &mut self,
        op: UnaryOperator,
        operand: &Ast,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        // The smallest int has no positive counterpart, so the sign belongs to the digits.
        if let (UnaryOperator::Minus, Ast::Value(value)) = (op, operand)
            && let AstValue::Number(digits, _) = &value.value
        {
            let value = literal::number(&format!("-{digits}"));
            return self.constant(value, expr);
        }
        let operand = self.value(operand, names)?;
        operators::unary(&op, operand).map_err(at(expr))
    }

    fn binary(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        // A comparison of ints and floats does not care which they are; arithmetic does.
        let wanted = match is_comparison(op) {
            true => PathUse::Number,
            false => PathUse::Value,
        };
        let left_value = self.expr(left, names, wanted)?;
        let right_value = self.expr(right, names, wanted)?;
        operators::binary(op, left_value, right_value).map_err(at(left))
    }

    fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[CaseWhen],
        otherwise: Option<&Ast>,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Typed> {
        let operand = operand
            .map(|operand| self.value(operand, names))
            .transpose()?;
        let mut branches = Vec::with_capacity(conditions.len());
        for CaseWhen { condition, result } in conditions {
            branches.push((self.value(condition, names)?, self.value(result, names)?));
        }
        let otherwise = otherwise
            .map(|value| self.value(value, names))
            .transpose()?;
        operators::case(operand, branches, otherwise).map_err(at(expr))
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// The type that a cast names.
fn sql_type(data_type: &AstType, expr: &Ast) -> Result<SqlType> {
    let name = data_type.to_string();
    let known = match data_type {
        AstType::Array(_) => Some(SqlType::Array),
        _ => SqlType::parse(&name),
    };
    known.ok_or_else(|| {
        QueryError::semantic(format!("there is no type `{name}`"), super::position(expr))
    })
}

fn is_undefined(value: &ValueWithSpan) -> bool {
    matches!(&value.value, AstValue::Placeholder(text) if text == marker::UNDEFINED)
}

fn escape(written: Option<&ValueWithSpan>, expr: &Ast) -> Result<Option<char>> {
    let Some(written) = written else {
        return Ok(None);
    };
    if let AstValue::SingleQuotedString(text) = &written.value {
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            return Ok(Some(character));
        }
    }
    let place = crate::error::Position::of(written.span()).or_else(|| super::position(expr));
    Err(QueryError::semantic("ESCAPE takes one character", place))
}

/// [`QueryError::NotImplemented`] at an expression.
pub(super) fn unsupported(what: &str, expr: &Ast) -> QueryError {
    QueryError::not_implemented(what, super::position(expr))
}

/// `_script.f(x)` at the start of a path: the call, and the steps behind it.
fn script_call<'a>(root: &Ast, access: &'a [AccessExpr]) -> Option<(Ast, &'a [AccessExpr])> {
    let (Ast::Identifier(space), [AccessExpr::Dot(Ast::Function(function)), rest @ ..]) =
        (root, access)
    else {
        return None;
    };
    if space.value != "_script" {
        return None;
    }
    let mut function = function.clone();
    let space = ObjectNamePart::Identifier(space.clone());
    function.name.0.insert(0, space);
    Some((Ast::Function(function), rest))
}
