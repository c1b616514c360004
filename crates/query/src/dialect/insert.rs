//! The head of `INSERT INTO collection [(a, b)] query`.

use datafusion::sql::sqlparser::ast::{Ident, ObjectNamePart, Spanned};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{IsOptional, Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::Position;

/// Where the rows of a statement go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// The parts of the collection's name, as written.
    pub target: Vec<String>,
    /// Names for the columns of the query; none if it has its own.
    pub columns: Vec<String>,
    /// Where the name stands.
    pub position: Option<Position>,
}

/// Takes the head of an INSERT, if the statement is one.
pub(super) fn parse(parser: &mut Parser) -> Result<Option<Insert>, ParserError> {
    if !parser.parse_keyword(Keyword::INSERT) {
        return Ok(None);
    }
    parser.expect_keyword_is(Keyword::INTO)?;
    let name = parser.parse_object_name(false)?;
    let position = Position::of(name.span());
    let part = |part: &ObjectNamePart| part.as_ident().map(|ident| ident.value.clone());
    let target = name.0.iter().filter_map(part).collect();
    let columns = match is_column_list(parser) {
        true => parser.parse_parenthesized_column_list(IsOptional::Mandatory, false)?,
        false => vec![],
    };
    let text = |column: Ident| column.value;
    Ok(Some(Insert {
        target,
        columns: columns.into_iter().map(text).collect(),
        position,
    }))
}

/// Whether the bracket that follows, if any, holds names and not a query.
fn is_column_list(parser: &Parser) -> bool {
    if parser.peek_token_ref().token != Token::LParen {
        return false;
    }
    match &parser.peek_nth_token_ref(1).token {
        Token::Word(word) => {
            let starts_query = matches!(
                word.keyword,
                Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE
            );
            word.quote_style.is_some() || !starts_query
        }
        _ => false,
    }
}

/// Whether the target is a text: the address of a bucket.
pub(super) fn is_into_bucket(list: &[TokenWithSpan]) -> bool {
    let target = list.get(2).map(|token| &token.token);
    matches!(target, Some(Token::SingleQuotedString(_)))
}
