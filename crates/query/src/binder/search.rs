//! `SEARCH(matcher, …)` in WHERE, and `SCORE()` of the rows that it finds.
//!
//! A matcher is any condition. Some have forms that count for more in the score: `HAS_TERM(field,
//! term)`, `CONTAINS(field, text)`, whose words are a range of terms, `PROXIMITY(…)` of several
//! `HAS_TERM` of one field, which are one as well, and `BOOST` and `PROXIMITY_BOOST` around them. A row
//! scores the weight of each term and condition that it satisfies. A range adds, times its boost, how
//! much longer than one term the longest run of its terms in the field is, as a share of the range.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as Ast, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Spanned, Value as AstValue,
};
use outcrop_document::Value;

use super::names::Names;
use super::query::Ctes;
use super::scope::Scope;
use super::{Binder, Result, at};
use crate::error::{Position, QueryError};
use crate::functions;
use crate::operators::{self, Typed};

/// Terms of one field that should stand side by side.
struct Range {
    field: Typed,
    /// An array of terms.
    terms: Typed,
    /// An array of as many weights, or one for all.
    weights: Typed,
}

impl Binder<'_> {
    /// `SEARCH(…)`, `SCORE()`, and the wrappers that only stand inside; `None` for other names.
    pub(super) fn search_call(
        &mut self,
        name: &str,
        function: &Function,
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<Option<Typed>> {
        let complain = |message: &str| QueryError::semantic(message, super::position(expr));
        match name {
            "search" if names.clause == "WHERE" => self.search(function, names).map(Some),
            "search" => Err(complain("`SEARCH` stands in WHERE only")),
            "score" if !arguments(function)?.is_empty() => {
                Err(complain("function `SCORE` takes no arguments"))
            }
            "score" => match names.score {
                Some(score) => Ok(Some(score.clone())),
                None => Err(complain(
                    "`SCORE` needs `SEARCH(…)` in the WHERE of its query",
                )),
            },
            "boost" | "proximity" | "proximity_boost" => {
                let name = name.to_ascii_uppercase();
                Err(complain(&format!(
                    "`{name}` stands inside `SEARCH(…)` only"
                )))
            }
            _ => Ok(None),
        }
    }

    fn search(&mut self, function: &Function, names: &Names<'_>) -> Result<Typed> {
        let (matchers, all) = matchers(function)?;
        let op = match all {
            true => BinaryOperator::And,
            false => BinaryOperator::Or,
        };
        let mut found: Option<Typed> = None;
        for matcher in matchers {
            let condition = self.matcher(matcher, all, names)?;
            found = Some(match found {
                None => condition,
                Some(before) => operators::binary(&op, before, condition).map_err(at(matcher))?,
            });
        }
        found.ok_or_else(|| {
            let message = "function `SEARCH` takes at least 1 argument, found 0";
            QueryError::semantic(message, Position::of(function.span()))
        })
    }

    /// The condition of a matcher.
    fn matcher(&mut self, matcher: &Ast, all: bool, names: &Names<'_>) -> Result<Typed> {
        if let Some((_, inner)) = self.boosted(matcher, "boost", names)? {
            return self.matcher(inner, all, names);
        }
        if let Some((_, inner)) = self.boosted(matcher, "proximity_boost", names)? {
            return self.matcher(inner, all, names);
        }
        let Some(range) = self.range(matcher, names)? else {
            return self.value(matcher, names);
        };
        let all = operators::literal(&Value::Bool(all));
        functions::call("OUTCROP_HAS_TERMS", vec![range.field, range.terms, all])
            .map_err(at(matcher))
    }

    /// What the SEARCH among the terms of a WHERE makes of a row; `None` without one.
    pub(super) fn search_score(
        &mut self,
        condition: &Ast,
        scope: &Scope<'_>,
        ctes: &Ctes,
    ) -> Result<Option<Typed>> {
        let names = Names::fields(scope, ctes, "WHERE");
        match condition {
            Ast::Nested(inner) => self.search_score(inner, scope, ctes),
            Ast::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => match self.search_score(left, scope, ctes)? {
                Some(score) => Ok(Some(score)),
                None => self.search_score(right, scope, ctes),
            },
            Ast::Function(function) if is_named(function, "search") => {
                let mut score = float(0.0);
                for matcher in matchers(function)?.0 {
                    let more = self.score(matcher, 1.0, &names)?;
                    score = operators::binary(&BinaryOperator::Plus, score, more)
                        .map_err(at(matcher))?;
                }
                Ok(Some(score))
            }
            _ => Ok(None),
        }
    }

    fn score(&mut self, matcher: &Ast, weight: f64, names: &Names<'_>) -> Result<Typed> {
        if let Some((boost, inner)) = self.boosted(matcher, "boost", names)? {
            return self.score(inner, weight * boost, names);
        }
        let (boost, inner) = match self.boosted(matcher, "proximity_boost", names)? {
            Some(boosted) => boosted,
            None => (1.0, matcher),
        };
        if let Some(range) = self.range(inner, names)? {
            let parts = [
                range.field,
                range.terms,
                range.weights,
                float(weight),
                float(boost),
            ];
            return functions::call("OUTCROP_SEARCH_SCORE", parts.into()).map_err(at(matcher));
        }
        let condition = self.matcher(inner, true, names)?;
        operators::case(None, vec![(condition, float(weight))], Some(float(0.0)))
            .map_err(at(matcher))
    }

    /// `CONTAINS(field, text [, locale])` and `PROXIMITY(HAS_TERM(field, term), …)`.
    fn range(&mut self, matcher: &Ast, names: &Names<'_>) -> Result<Option<Range>> {
        let Ast::Function(function) = matcher else {
            return Ok(None);
        };
        let parts = arguments(function)?;
        if is_named(function, "contains") {
            let (field, text) = match parts.as_slice() {
                [field, text] | [field, text, _] => (*field, *text),
                _ => return Ok(None),
            };
            let text = self.value(text, names)?;
            return Ok(Some(Range {
                field: self.value(field, names)?,
                terms: functions::call("TOKENIZE", vec![text]).map_err(at(matcher))?,
                weights: float(1.0),
            }));
        }
        if !is_named(function, "proximity") {
            return Ok(None);
        }
        let complain = || {
            let message = "PROXIMITY takes HAS_TERM(field, term) of one field, boosted or not";
            QueryError::semantic(message, super::position(matcher))
        };
        let mut range_field: Option<&Ast> = None;
        let (mut terms, mut weights) = (Vec::new(), Vec::new());
        for part in &parts {
            let (weight, part) = match self.boosted(part, "boost", names)? {
                Some(boosted) => boosted,
                None => (1.0, *part),
            };
            let Ast::Function(call) = part else {
                return Err(complain());
            };
            let inner = arguments(call)?;
            let [field, term] = inner.as_slice() else {
                return Err(complain());
            };
            let field: &Ast = field;
            if !is_named(call, "has_term") || range_field.is_some_and(|known| known != field) {
                return Err(complain());
            }
            range_field = Some(field);
            terms.push(self.value(term, names)?);
            weights.push(float(weight));
        }
        let field = self.value(range_field.ok_or_else(complain)?, names)?;
        Ok(Some(Range {
            field,
            terms: operators::array(terms).map_err(at(matcher))?,
            weights: operators::array(weights).map_err(at(matcher))?,
        }))
    }

    /// The weight and the matcher of `BOOST(w, m)` or `PROXIMITY_BOOST(w, m)`.
    fn boosted<'m>(
        &mut self,
        matcher: &'m Ast,
        name: &str,
        names: &Names<'_>,
    ) -> Result<Option<(f64, &'m Ast)>> {
        let Ast::Function(function) = matcher else {
            return Ok(None);
        };
        if !is_named(function, name) {
            return Ok(None);
        }
        let parts = arguments(function)?;
        let weight = match parts.first() {
            Some(weight) => super::constant::evaluate(&self.value(weight, names)?),
            None => None,
        };
        #[expect(clippy::cast_precision_loss, reason = "weights are small")]
        let weight = match weight {
            Some(Value::Int(weight)) => Some(weight as f64),
            Some(Value::Float(weight)) => Some(weight),
            _ => None,
        };
        match (weight, parts.as_slice()) {
            (Some(weight), [_, inner]) if weight > 0.0 => Ok(Some((weight, *inner))),
            _ => {
                let name = name.to_ascii_uppercase();
                let message = format!("`{name}` takes a positive constant weight and a matcher");
                Err(QueryError::semantic(message, super::position(matcher)))
            }
        }
    }
}

fn float(value: f64) -> Typed {
    operators::literal(&Value::Float(value))
}

fn is_named(function: &Function, name: &str) -> bool {
    function.name.to_string().eq_ignore_ascii_case(name)
}

/// The arguments of a call, which must be expressions.
fn arguments(function: &Function) -> Result<Vec<&Ast>> {
    let FunctionArguments::List(list) = &function.args else {
        return Ok(vec![]);
    };
    let expression = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Ok(expr),
        other => {
            let message = format!("`{other}` cannot be an argument");
            Err(QueryError::semantic(message, Position::of(function.span())))
        }
    };
    list.args.iter().map(expression).collect()
}

/// The matchers of a SEARCH, and whether all of them must hold: `OPTION(match_all=…)` comes as its last
/// argument, see [`crate::dialect`].
fn matchers(function: &Function) -> Result<(Vec<&Ast>, bool)> {
    let mut matchers = arguments(function)?;
    let option = matchers.last().and_then(|last| match last {
        Ast::Value(value) => match &value.value {
            AstValue::NationalStringLiteral(text) => Some(text.eq_ignore_ascii_case("true")),
            _ => None,
        },
        _ => None,
    });
    if option.is_some() {
        matchers.pop();
    }
    Ok((matchers, option.unwrap_or(true)))
}
