//! The dialect as `sqlparser` sees it: characters of identifiers and switches of the grammar.

use std::cell::Cell;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::expression;

/// The dialect of one statement.
///
/// The parser tries some forms one after the other, and a text made for it could make it try the
/// same tokens twice on every level of nesting. `fuel` bounds the work of one statement.
#[derive(Debug)]
pub(super) struct Rockset {
    fuel: Cell<usize>,
}

impl Rockset {
    /// A dialect that parses at most `fuel` expression prefixes, then fails.
    pub(super) fn with_fuel(fuel: usize) -> Self {
        Self {
            fuel: Cell::new(fuel),
        }
    }

    /// Whether the statement made the parser try too much.
    pub(super) fn is_exhausted(&self) -> bool {
        self.fuel.get() == 0
    }

    /// Takes one unit; an error once there is none. `sqlparser` swallows other errors when it tries
    /// forms, so this is the one that stops it.
    fn burn(&self) -> Result<(), ParserError> {
        let left = self.fuel.get().saturating_sub(1);
        self.fuel.set(left);
        if left == 0 {
            Err(ParserError::RecursionLimitExceeded)
        } else {
            Ok(())
        }
    }
}

/// `||` binds weaker than `+` and `-`, stronger than comparisons.
const CONCAT_PRECEDENCE: u8 = 25;

impl Dialect for Rockset {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '@'
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_array_typedef_without_element_type(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        (parser.peek_token_ref().token == Token::StringConcat).then_some(Ok(CONCAT_PRECEDENCE))
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if let Err(error) = self.burn() {
            return Some(Err(error));
        }
        expression::parse_prefix(parser).transpose()
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        expression::parse_infix(parser, left, precedence).transpose()
    }
}
