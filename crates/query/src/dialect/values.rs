//! `VALUES 1, 2`: elements without brackets are rows of one column. The parser wants the brackets, so
//! they are put in. `VALUES` is a name as well, of fields and of a function, so it is looked at what
//! stands around it.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::Rewriter;

/// Where a bracket level is in a list behind `VALUES`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Values {
    /// In none.
    #[default]
    Outside,
    /// The next token begins an element.
    Before,
    /// In an element.
    Inside {
        /// Whether its brackets were put in here.
        bracketed: bool,
    },
}

impl Rewriter {
    /// Whether the word `VALUES` that `rest` starts with begins a list of rows.
    pub(super) fn starts_values(&self, rest: &[TokenWithSpan]) -> bool {
        let Some(next) = rest.get(1).map(|next| &next.token) else {
            return false;
        };
        let mut before = self.list.iter().rev().map(|token| &token.token);
        match before.next() {
            None => true,
            Some(Token::LParen) => {
                let is_table = self
                    .levels
                    .last()
                    .is_some_and(super::level::Level::is_table);
                let is_query = is_table
                    || keyword(before.next()).is_some_and(|word| {
                        matches!(
                            word,
                            Keyword::AS
                                | Keyword::LATERAL
                                | Keyword::IN
                                | Keyword::EXISTS
                                | Keyword::ANY
                                | Keyword::ALL
                                | Keyword::SOME
                        )
                    });
                is_query && begins_value(next, rest.get(2).map(|token| &token.token))
            }
            Some(Token::Comma) => {
                let in_from = self.levels.last().is_some_and(|level| level.in_from);
                in_from && begins_value(next, rest.get(2).map(|token| &token.token))
            }
            before => match keyword(before) {
                Some(
                    Keyword::UNION
                    | Keyword::INTERSECT
                    | Keyword::EXCEPT
                    | Keyword::EXPLAIN
                    | Keyword::ANALYZE,
                ) => true,
                Some(Keyword::ALL | Keyword::DISTINCT) => {
                    let set = self
                        .list
                        .len()
                        .checked_sub(2)
                        .map(|at| &self.list[at].token);
                    matches!(
                        keyword(set),
                        Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT)
                    )
                }
                Some(Keyword::FROM | Keyword::JOIN) => {
                    begins_value(next, rest.get(2).map(|token| &token.token))
                }
                _ => false,
            },
        }
    }

    /// Puts a bracket in before the token that `rest` starts with, if one belongs there.
    pub(super) fn bracket_value(&mut self, rest: &[TokenWithSpan]) {
        let next = &rest[0];
        let is_end = ends_list(&next.token);
        let is_comma = next.token == Token::Comma;
        let level = self.level();
        let bracket = match level.values {
            Values::Outside => return,
            Values::Before if is_end || is_comma => {
                level.values = Values::Outside;
                return;
            }
            Values::Before => {
                let bracketed = !is_row(rest);
                level.values = Values::Inside { bracketed };
                bracketed.then_some(Token::LParen)
            }
            Values::Inside { bracketed } if is_end || is_comma => {
                level.values = match is_comma {
                    true => Values::Before,
                    false => Values::Outside,
                };
                bracketed.then_some(Token::RParen)
            }
            Values::Inside { .. } => return,
        };
        self.list
            .extend(bracket.map(|token| TokenWithSpan::new(token, next.span)));
    }

    /// Ends the list at the end of the text.
    pub(super) fn end_values(&mut self) {
        if let Values::Inside { bracketed: true } = self.level().values
            && let Some(span) = self.list.last().map(|token| token.span)
        {
            self.list.push(TokenWithSpan::new(Token::RParen, span));
        }
    }
}

fn keyword(token: Option<&Token>) -> Option<Keyword> {
    match token? {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// Whether a value begins here rather than what may follow the name of a field or a table.
fn begins_value(token: &Token, after: Option<&Token>) -> bool {
    match token {
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Colon
        | Token::LParen
        | Token::LBracket
        | Token::LBrace
        | Token::Minus
        | Token::Plus => true,
        Token::Word(word) => {
            let is_literal = matches!(word.keyword, Keyword::NULL | Keyword::TRUE | Keyword::FALSE)
                || word.value.eq_ignore_ascii_case("undefined");
            let is_prefix = matches!(
                word.keyword,
                Keyword::CASE | Keyword::INTERVAL | Keyword::ARRAY
            );
            let goes_on = matches!(
                after,
                Some(Token::SingleQuotedString(_) | Token::LParen | Token::Period)
            );
            word.quote_style.is_none() && (is_literal || is_prefix || goes_on)
        }
        _ => false,
    }
}

/// Whether an element is a row that has its brackets: nothing of it stands behind them.
fn is_row(rest: &[TokenWithSpan]) -> bool {
    if rest[0].token != Token::LParen {
        return false;
    }
    let mut open = 0_usize;
    let close = rest.iter().position(|token| {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0
    });
    let behind = close.and_then(|at| rest.get(at + 1));
    behind.is_none_or(|token| match &token.token {
        Token::Comma => true,
        // The alias of a list in FROM.
        Token::Word(word) => word.quote_style.is_some() || !continues_value(word.keyword),
        other => ends_list(other),
    })
}

/// Words that go on with an expression behind a bracket.
fn continues_value(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::BETWEEN
            | Keyword::AT
    )
}

/// Whether a token ends a list of rows.
fn ends_list(token: &Token) -> bool {
    match token {
        Token::RParen | Token::RBracket | Token::RBrace | Token::SemiColon => true,
        Token::Word(word) if word.quote_style.is_none() => matches!(
            word.keyword,
            Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::OFFSET
                | Keyword::AS
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::JOIN
                | Keyword::LEFT
                | Keyword::RIGHT
                | Keyword::FULL
                | Keyword::INNER
                | Keyword::CROSS
                | Keyword::NATURAL
                | Keyword::ON
        ),
        _ => false,
    }
}
