//! What is open while the tokens of a statement are read: one [`Level`] per bracket.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::values::Values;

/// How often the parser may read the same tokens because of brackets in FROM.
///
/// `FROM ((SELECT …) a JOIN b)` is first read as a query in brackets and, when that fails, as a join
/// in brackets, so what stands inside is read again for each bracket. Nested, that multiplies. Six
/// such joins inside each other stay below the limit.
pub(super) const ATTEMPTS_MAX: usize = 1_000;

/// One level of brackets.
#[derive(Default)]
pub(super) struct Level {
    pub(super) opened: Option<TokenWithSpan>,
    pub(super) is_unnest: bool,
    pub(super) is_array_agg: bool,
    /// Whether a `LIMIT [` of an `ARRAY_AGG` has to be closed with it.
    pub(super) has_limit: bool,
    /// Where it is in a list behind `VALUES`.
    pub(super) values: Values,
    pub(super) in_select_list: bool,
    /// Whether the clause at hand is FROM.
    pub(super) in_from: bool,
    pub(super) has_alias: bool,
    /// Whether the bracket stands where a table is expected.
    is_table: bool,
    /// Brackets in a row that stand where a table is expected, up to this one.
    run: usize,
    /// Attempts at what stands around that run.
    outer_attempts: usize,
    /// Attempts at what stands inside.
    attempts: usize,
    /// Operators since the last term of a list or condition began.
    pub(super) operators: usize,
    /// Height of the tallest brackets since then.
    pub(super) inner_height: usize,
    /// Height of the tallest term before.
    pub(super) height: usize,
}

impl Level {
    /// The level that `bracket` opens inside `self`. `is_table` says whether a table is expected
    /// there, `is_direct` whether the token before is the bracket that opened `self`.
    pub(super) fn open(&self, bracket: TokenWithSpan, is_table: bool, is_direct: bool) -> Self {
        let around = self.attempts.max(1);
        let continues = is_direct && self.is_table;
        let (run, outer_attempts) = match (continues, is_table) {
            (true, _) => (self.run + 1, self.outer_attempts),
            (false, true) => (1, around),
            (false, false) => (0, around),
        };
        let factor = if run > 1 { run + 1 } else { 1 };
        Self {
            opened: Some(bracket),
            is_table: is_table || continues,
            run,
            outer_attempts,
            attempts: outer_attempts.saturating_mul(factor),
            ..Self::default()
        }
    }

    /// Whether the bracket stands where a table is expected.
    pub(super) fn is_table(&self) -> bool {
        self.is_table
    }

    /// How often the parser may come to read what stands inside.
    pub(super) fn attempts(&self) -> usize {
        self.attempts
    }

    /// Height of the term at hand.
    pub(super) fn current_height(&self) -> usize {
        self.operators + self.inner_height
    }

    /// A comma, `AND` or a clause begins a new term.
    pub(super) fn end_term(&mut self) {
        self.height = self.height.max(self.current_height());
        self.operators = 0;
        self.inner_height = 0;
    }
}

/// Whether a token makes an expression higher.
pub(super) fn is_operator(token: &Token) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::DoubleColon
            | Token::Eq
            | Token::DoubleEq
            | Token::Neq
            | Token::Lt
            | Token::LtEq
            | Token::Gt
            | Token::GtEq
            | Token::Pipe
            | Token::Ampersand
            | Token::Caret
            | Token::Arrow
            | Token::LongArrow
    )
}
