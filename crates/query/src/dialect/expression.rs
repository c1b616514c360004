//! What an expression may start with, and how it may go on, where the dialect has its own forms.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, DateTimeField, DictionaryField, Expr, Ident,
    Interval, ObjectName, TypedString, Value,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, Word};

use super::marker;
use crate::types::SqlType;

/// Words that end an expression or a clause, and so never start an expression unless quoted.
const RESERVED: &[Keyword] = &[
    Keyword::SELECT,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::ORDER,
    Keyword::HAVING,
    Keyword::UNION,
    Keyword::INTERSECT,
    Keyword::EXCEPT,
    Keyword::LIMIT,
    Keyword::ON,
    Keyword::USING,
    Keyword::AND,
    Keyword::OR,
    Keyword::AS,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::JOIN,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::BETWEEN,
    Keyword::BY,
];

/// Parses a prefix of the dialect; `None` leaves the tokens to `sqlparser`.
pub(super) fn parse_prefix(parser: &mut Parser) -> Result<Option<Expr>, ParserError> {
    let start = parser.peek_token_ref().clone();
    if let Token::Word(word) = &start.token
        && parser.get_current_token().token == Token::Period
    {
        // A step of a path, whatever the word.
        if parser.peek_nth_token_ref(1).token == Token::LParen {
            return Ok(None);
        }
        parser.next_token();
        return Ok(Some(Expr::Identifier(word.clone().into_ident(start.span))));
    }
    match &start.token {
        Token::Word(word) if word.quote_style.is_none() => parse_word(parser, word, start.span),
        Token::LBrace => parse_object(parser).map(Some),
        Token::Placeholder(text) if text.starts_with('$') => parser_error(
            &format!("`{text}` is not a parameter: a parameter is written `:name`"),
            start.span,
        ),
        Token::Placeholder(_) => {
            parser.next_token();
            let Token::Placeholder(text) = start.token else {
                return Ok(None);
            };
            Ok(Some(Expr::Value(
                Value::Placeholder(text).with_span(start.span),
            )))
        }
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::UnicodeStringLiteral(_) => parser.parse_value().map(|v| Some(Expr::Value(v))),
        _ => Ok(None),
    }
}

fn parse_word(parser: &mut Parser, word: &Word, span: Span) -> Result<Option<Expr>, ParserError> {
    let next = parser.peek_nth_token_ref(1).token.clone();
    let called = next == Token::LParen;
    match word.keyword {
        Keyword::TRUE | Keyword::FALSE | Keyword::NULL => {
            return parser.parse_value().map(|value| Some(Expr::Value(value)));
        }
        Keyword::CASE => return parse_case(parser).map(Some),
        Keyword::NOT => {
            parser.next_token();
            return parser.parse_not().map(Some);
        }
        Keyword::INTERVAL if starts_interval(parser) => return parse_interval(parser).map(Some),
        Keyword::EXISTS if called => {
            parser.next_token();
            return parser.parse_exists_expr(false).map(Some);
        }
        Keyword::ARRAY if called || next == Token::LBracket => return Ok(None),
        keyword if RESERVED.contains(&keyword) => {
            return parser.expected_ref("an expression", parser.peek_token_ref());
        }
        _ => {}
    }
    if word.value.eq_ignore_ascii_case(marker::UNDEFINED) && !called {
        parser.next_token();
        return Ok(Some(marker::undefined(span)));
    }
    if word.value.eq_ignore_ascii_case("null_value") && !called {
        parser.next_token();
        return Ok(Some(Expr::Value(Value::Null.with_span(span))));
    }
    if called {
        return parse_call(parser, word, span);
    }
    if let Token::SingleQuotedString(text) = next
        && SqlType::parse(&word.value).is_some()
    {
        parser.next_token();
        let value_span = parser.next_token().span;
        return Ok(Some(Expr::TypedString(TypedString {
            data_type: custom_type(word, span),
            value: Value::SingleQuotedString(text).with_span(value_span),
            uses_odbc_syntax: false,
        })));
    }
    parser.next_token();
    Ok(Some(Expr::Identifier(word.clone().into_ident(span))))
}

fn custom_type(word: &Word, span: Span) -> DataType {
    DataType::Custom(
        ObjectName::from(vec![word.clone().into_ident(span)]),
        vec![],
    )
}

/// Calls that are no plain calls. `CONVERT`, `MAP` and the like have no special form in the dialect
/// and are plain names here.
fn parse_call(parser: &mut Parser, word: &Word, span: Span) -> Result<Option<Expr>, ParserError> {
    let is_try = word.value.eq_ignore_ascii_case("try_static_cast");
    if is_try || word.value.eq_ignore_ascii_case("static_cast") {
        return parse_static_cast(parser, is_try).map(Some);
    }
    let name = word.clone().into_ident(span);
    if matches!(word.keyword, Keyword::SUBSTRING | Keyword::SUBSTR) {
        return parser.parse_substring().map(Some);
    }
    parser.next_token();
    match word.keyword {
        Keyword::CAST => parser.parse_cast_expr(CastKind::Cast),
        Keyword::TRY_CAST => parser.parse_cast_expr(CastKind::TryCast),
        Keyword::EXTRACT => parser.parse_extract_expr(),
        Keyword::POSITION => parser.parse_position_expr(name),
        Keyword::TRIM => parser.parse_trim_expr(),
        _ => parser.parse_function(ObjectName::from(vec![name])),
    }
    .map(Some)
}

fn parse_static_cast(parser: &mut Parser, is_try: bool) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let operand = parser.parse_expr()?;
    parser.expect_keyword(Keyword::AS)?;
    let data_type = parser.parse_data_type()?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Convert {
        is_try,
        expr: Box::new(operand),
        data_type: Some(data_type),
        charset: None,
        target_before_value: false,
        styles: vec![],
    })
}

fn parse_case(parser: &mut Parser) -> Result<Expr, ParserError> {
    let case_token = parser.next_token();
    let operand = if is_keyword(&parser.peek_token_ref().token, Keyword::WHEN) {
        None
    } else {
        Some(Box::new(parser.parse_expr()?))
    };
    let mut conditions = vec![];
    parser.expect_keyword(Keyword::WHEN)?;
    loop {
        let condition = parser.parse_expr()?;
        parser.expect_keyword(Keyword::THEN)?;
        conditions.push(CaseWhen {
            condition,
            result: parser.parse_expr()?,
        });
        if !parser.parse_keyword(Keyword::WHEN) {
            break;
        }
    }
    let else_result = match parser.parse_keyword(Keyword::ELSE) {
        true => Some(Box::new(parser.parse_expr()?)),
        false => None,
    };
    parser.expect_keyword(Keyword::END)?;
    Ok(Expr::Case {
        case_token: case_token.into(),
        end_token: parser.get_current_token().clone().into(),
        operand,
        conditions,
        else_result,
    })
}

/// `{'k': v, …}`: keys are strings or words.
fn parse_object(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LBrace)?;
    let mut fields = vec![];
    if parser.consume_token(&Token::RBrace) {
        return Ok(Expr::Dictionary(fields));
    }
    loop {
        let token = parser.next_token();
        let key = match token.token {
            Token::SingleQuotedString(text) => Ident::with_quote_and_span('\'', token.span, text),
            Token::Word(word) => word.into_ident(token.span),
            _ => return parser.expected("a key of the object", token),
        };
        parser.expect_token(&Token::Colon)?;
        fields.push(DictionaryField {
            key,
            value: Box::new(parser.parse_expr()?),
        });
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RBrace)?;
    Ok(Expr::Dictionary(fields))
}

/// Whether the `INTERVAL` ahead starts a literal; a field may have this name as well.
fn starts_interval(parser: &Parser) -> bool {
    match &parser.peek_nth_token_ref(1).token {
        Token::SingleQuotedString(_) => true,
        Token::Number(..) | Token::Placeholder(_) => unit(parser, 2).is_some(),
        Token::Minus | Token::Plus => unit(parser, 3).is_some(),
        _ => false,
    }
}

/// `INTERVAL 1 DAY`, `INTERVAL -2 HOUR`, `INTERVAL '3' DAY`, `INTERVAL '1-2' YEAR TO MONTH`,
/// `INTERVAL '3 days'`.
fn parse_interval(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    let sign = match parser.peek_token_ref().token {
        Token::Minus => Some("-"),
        Token::Plus => Some(""),
        _ => None,
    };
    if sign.is_some() {
        parser.next_token();
    }
    let token = parser.next_token();
    let value = match token.token {
        Token::Number(text, long) => {
            Value::Number(format!("{}{text}", sign.unwrap_or_default()), long)
        }
        Token::SingleQuotedString(text) => {
            Value::SingleQuotedString(format!("{}{text}", sign.unwrap_or_default()))
        }
        Token::Placeholder(text) if sign.is_none() => Value::Placeholder(text),
        _ => return parser.expected("the size of the interval", token),
    };
    let leading_field = unit(parser, 0);
    let mut last_field = None;
    if leading_field.is_some() {
        parser.next_token();
        if parser.parse_keyword(Keyword::TO) {
            last_field = unit(parser, 0);
            if last_field.is_none() {
                return parser.expected_ref("a unit of time", parser.peek_token_ref());
            }
            parser.next_token();
        }
    }
    Ok(Expr::Interval(Interval {
        value: Box::new(Expr::Value(value.with_span(token.span))),
        leading_field,
        leading_precision: None,
        last_field,
        fractional_seconds_precision: None,
    }))
}

/// The unit of time that the word `n` tokens ahead names, singular or plural.
fn unit(parser: &Parser, n: usize) -> Option<DateTimeField> {
    let Token::Word(word) = &parser.peek_nth_token_ref(n).token else {
        return None;
    };
    let name = word.value.to_ascii_lowercase();
    Some(match name.strip_suffix('s').unwrap_or(&name) {
        "year" => DateTimeField::Year,
        "month" => DateTimeField::Month,
        "week" => DateTimeField::Week(None),
        "day" => DateTimeField::Day,
        "hour" => DateTimeField::Hour,
        "minute" => DateTimeField::Minute,
        "second" => DateTimeField::Second,
        "millisecond" => DateTimeField::Millisecond,
        "microsecond" => DateTimeField::Microsecond,
        _ => return None,
    })
}

/// Parses an infix operator of the dialect after `left`; `None` leaves it to `sqlparser`.
pub(super) fn parse_infix(
    parser: &mut Parser,
    left: &Expr,
    precedence: u8,
) -> Result<Option<Expr>, ParserError> {
    let token = parser.peek_token_ref().clone();
    let Token::Word(word) = &token.token else {
        return Ok(None);
    };
    match word.keyword {
        Keyword::AND => parse_chain(parser, left, precedence, Keyword::AND).map(Some),
        Keyword::OR => parse_chain(parser, left, precedence, Keyword::OR).map(Some),
        Keyword::IS => Ok(parse_is_undefined(parser, left, token.span)),
        _ => Ok(None),
    }
}

fn parse_is_undefined(parser: &mut Parser, left: &Expr, span: Span) -> Option<Expr> {
    let negated = is_keyword(&parser.peek_nth_token_ref(1).token, Keyword::NOT);
    let length = if negated { 3 } else { 2 };
    let Token::Word(last) = &parser.peek_nth_token_ref(length - 1).token else {
        return None;
    };
    if last.quote_style.is_some() || !last.value.eq_ignore_ascii_case(marker::UNDEFINED) {
        return None;
    }
    for _ in 0..length {
        parser.next_token();
    }
    Some(marker::is_undefined(left.clone(), negated, span))
}

/// `a AND b AND c …` as a balanced tree: generated conditions have thousands of terms, and a tree
/// as deep as that would overflow the stack of whoever walks it.
fn parse_chain(
    parser: &mut Parser,
    left: &Expr,
    precedence: u8,
    keyword: Keyword,
) -> Result<Expr, ParserError> {
    let mut terms = vec![left.clone()];
    while parser.parse_keyword(keyword) {
        terms.push(parser.parse_subexpr(precedence)?);
    }
    let op = if keyword == Keyword::AND {
        BinaryOperator::And
    } else {
        BinaryOperator::Or
    };
    while terms.len() > 1 {
        let mut halves = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            halves.push(match rest.next() {
                Some(right) => Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                },
                None => left,
            });
        }
        terms = halves;
    }
    Ok(terms.swap_remove(0))
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword)
}

fn parser_error<T>(message: &str, span: Span) -> Result<T, ParserError> {
    Err(ParserError::ParserError(format!("{message}{}", span.start)))
}
