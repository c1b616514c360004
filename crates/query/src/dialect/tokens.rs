//! The tokens of a statement, after the forms that `sqlparser` has no hook for are rewritten.
//!
//! - `HINT(…)` and `OPTION(…)` are taken out; of their names only a leading `default_workspace`, and
//!   `access_path` behind a collection and `join_strategy=lookup`, have an effect.
//! - `:name`, `: name`, `:"name"`, `:1` and `?` become one placeholder token.
//! - `UNNEST(x AS y WITH ORDINALITY AS n)` becomes `UNNEST(x, N'y', N'n')`.
//! - The comma after the last item of a select list is taken out.
//! - `LIMIT n OFFSET m` inside `ARRAY_AGG(…)` becomes `LIMIT [n, m]`.
//! - `VALUES 1, 2` becomes `VALUES (1), (2)`, see [`super::values`].
//!
//! No token moves: each keeps the span it has in the text. The walk is one loop without recursion,
//! and the limits that protect everything after it are checked here.

use std::mem;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use super::grammar::Rockset;
use super::level::{ATTEMPTS_MAX, Level, is_operator};
use super::values::Values;
use crate::error::{Position, QueryError};

/// Deepest nesting of brackets. Written SQL stays below 20, generated SQL below 60.
pub(super) const NESTING_MAX: usize = 200;

/// Tallest expression: operators in a row plus those of the operands in brackets. `a + b + c` makes
/// a tree as tall as it has operators, and whoever walks it needs that much stack. `AND`, `OR` and
/// lists are broad rather than tall and do not count.
const HEIGHT_MAX: usize = 500;

/// Most joins and set operations of one statement, for the same reason.
const RELATIONS_MAX: usize = 500;

/// Bytes of the text for which there is room for a token, white space being one too. Lists of numbers have
/// about as many, other texts fewer.
const TOKEN_BYTES: usize = 3;

/// What [`read`] found.
pub(super) struct Tokens {
    /// The tokens to parse, without white space.
    pub(super) list: Vec<TokenWithSpan>,
    /// The place behind the last character of the text.
    pub(super) end: Position,
    /// From a leading `OPTION(default_workspace='ws')`.
    pub(super) default_workspace: Option<String>,
    /// Names of the parameters in order of first use.
    pub(super) parameters: Vec<String>,
    /// From `collection HINT(access_path=path)`: where the name of the collection starts, the path.
    pub(super) access_paths: Vec<(Position, String)>,
    /// From `OPTION(max_field_depth=n)`.
    pub(super) field_depth_max: Option<usize>,
    /// Whether there was a `HINT(join_strategy=lookup)`.
    pub(super) lookup_joins: bool,
    /// What has no effect.
    pub(super) warnings: Vec<String>,
}

/// Splits `sql` and rewrites it.
///
/// # Errors
/// [`QueryError::Syntax`] for text that is no token, unbalanced brackets and broken limits.
pub(super) fn read(dialect: &Rockset, sql: &str) -> Result<Tokens, QueryError> {
    // Long texts are long lists, whose tokens would be moved again and again while they grow.
    let mut list = Vec::with_capacity(sql.len() / TOKEN_BYTES + 1);
    Tokenizer::new(dialect, sql)
        .tokenize_with_location_into_buf(&mut list)
        .map_err(|error| {
            let message = error.message.trim_end().to_owned();
            QueryError::syntax(message, Position::at(error.location))
        })?;
    list.retain(|t| !matches!(t.token, Token::Whitespace(_)));
    let mut rewriter = Rewriter {
        list: Vec::with_capacity(list.len()),
        levels: vec![Level::default()],
        end: end_of(sql),
        default_workspace: None,
        parameters: vec![],
        unnamed_parameters: 0,
        relations: 0,
        access_paths: vec![],
        field_depth_max: None,
        lookup_joins: false,
        warnings: vec![],
    };
    let mut at = 0;
    while at < list.len() {
        at += match rewriter.take(&list[at..])? {
            Some(length) => length,
            None => {
                let token = mem::replace(&mut list[at], TokenWithSpan::new_eof());
                rewriter.list.push(token);
                1
            }
        };
    }
    rewriter.end_values();
    if rewriter.levels.len() > 1 {
        let bracket = rewriter
            .levels
            .last()
            .and_then(|level| level.opened.clone());
        let place = bracket.as_ref().and_then(|t| Position::of(t.span));
        let text = bracket.map(|t| t.to_string()).unwrap_or_default();
        return Err(QueryError::syntax(
            format!("`{text}` is never closed"),
            place,
        ));
    }
    Ok(Tokens {
        list: rewriter.list,
        end: rewriter.end,
        default_workspace: rewriter.default_workspace,
        parameters: rewriter.parameters,
        access_paths: rewriter.access_paths,
        field_depth_max: rewriter.field_depth_max,
        lookup_joins: rewriter.lookup_joins,
        warnings: rewriter.warnings,
    })
}

fn end_of(sql: &str) -> Position {
    let lines = sql.split('\n').count();
    let last = sql.rsplit('\n').next().unwrap_or_default();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Position {
        line: number(lines.max(1)),
        column: number(last.chars().count() + 1),
    }
}

/// The tokens of a statement while they are rewritten.
pub(super) struct Rewriter {
    pub(super) list: Vec<TokenWithSpan>,
    pub(super) levels: Vec<Level>,
    end: Position,
    default_workspace: Option<String>,
    parameters: Vec<String>,
    unnamed_parameters: usize,
    relations: usize,
    access_paths: Vec<(Position, String)>,
    field_depth_max: Option<usize>,
    lookup_joins: bool,
    warnings: Vec<String>,
}

impl Rewriter {
    /// Rewrites what `rest` starts with; returns how many of its tokens that were, or none if the first
    /// stays as it is.
    fn take(&mut self, rest: &[TokenWithSpan]) -> Result<Option<usize>, QueryError> {
        let next = &rest[0];
        self.bracket_value(rest);
        match &next.token {
            Token::LParen | Token::LBracket | Token::LBrace => self.open(next)?,
            Token::RParen | Token::RBracket | Token::RBrace => self.close(next)?,
            Token::Colon if !self.is_key_colon() => return self.take_parameter(rest).map(Some),
            Token::Placeholder(text) if text.starts_with('?') => {
                self.unnamed_parameters += 1;
                let name = self.unnamed_parameters.to_string();
                self.push_parameter(name, next);
                return Ok(Some(1));
            }
            Token::NationalStringLiteral(text) => {
                let token = Token::SingleQuotedString(text.clone());
                self.list.push(TokenWithSpan::new(token, next.span));
                return Ok(Some(1));
            }
            Token::Comma => {
                self.level().end_term();
                if self.level().in_select_list && ends_select_list(rest.get(1)) {
                    return Ok(Some(1));
                }
            }
            Token::Word(word) if word.quote_style.is_none() => {
                if let Some(length) = self.take_word(word, rest)? {
                    return Ok(Some(length));
                }
            }
            token if is_operator(token) => self.count_operator(next)?,
            _ => {}
        }
        Ok(None)
    }

    pub(super) fn level(&mut self) -> &mut Level {
        self.levels
            .last_mut()
            .expect("the outermost level is never closed")
    }

    fn open(&mut self, bracket: &TokenWithSpan) -> Result<(), QueryError> {
        if self.levels.len() > NESTING_MAX {
            let message = format!("brackets are nested deeper than {NESTING_MAX} levels");
            return Err(QueryError::syntax(message, Position::of(bracket.span)));
        }
        if bracket.token == Token::LBracket {
            self.count_operator(bracket)?;
        }
        let before = self.list.last().map(|t| &t.token);
        let word = match before {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        };
        let is_round = bracket.token == Token::LParen;
        let is_array_agg = is_round
            && matches!(before, Some(Token::Word(word))
                if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("array_agg"));
        let in_from = self.levels.last().is_some_and(|level| level.in_from);
        let after_comma = before == Some(&Token::Comma) && in_from;
        let is_table = is_round && (after_comma || matches!(word, Keyword::FROM | Keyword::JOIN));
        let is_direct = is_round && before == Some(&Token::LParen);
        let mut level = self.level().open(bracket.clone(), is_table, is_direct);
        if level.attempts() > ATTEMPTS_MAX {
            let message = "joins and queries in brackets are nested too deeply";
            return Err(QueryError::syntax(message, Position::of(bracket.span)));
        }
        level.is_unnest = is_round && word == Keyword::UNNEST;
        level.is_array_agg = is_array_agg;
        self.levels.push(level);
        Ok(())
    }

    fn close(&mut self, bracket: &TokenWithSpan) -> Result<(), QueryError> {
        let opened = self.level().opened.as_ref().map(|t| &t.token);
        let fits = matches!(
            (opened, &bracket.token),
            (Some(Token::LParen), Token::RParen)
                | (Some(Token::LBracket), Token::RBracket)
                | (Some(Token::LBrace), Token::RBrace)
        );
        if !fits {
            let message = format!("`{bracket}` closes nothing");
            return Err(QueryError::syntax(message, Position::of(bracket.span)));
        }
        self.level().end_term();
        if self.level().has_limit {
            let token = TokenWithSpan::new(Token::RBracket, bracket.span);
            self.list.push(token);
        }
        let height = self.level().height + 1;
        self.levels.pop();
        let outer = self.level();
        outer.inner_height = outer.inner_height.max(height);
        self.check_height(bracket)
    }

    fn count_operator(&mut self, token: &TokenWithSpan) -> Result<(), QueryError> {
        self.level().operators += 1;
        self.check_height(token)
    }

    fn check_height(&mut self, token: &TokenWithSpan) -> Result<(), QueryError> {
        if self.level().current_height() <= HEIGHT_MAX {
            return Ok(());
        }
        let message = format!("an expression has more than {HEIGHT_MAX} operators in a row");
        Err(QueryError::syntax(message, Position::of(token.span)))
    }

    fn count_relation(&mut self, token: &TokenWithSpan) -> Result<(), QueryError> {
        self.level().end_term();
        self.relations += 1;
        if self.relations <= RELATIONS_MAX {
            return Ok(());
        }
        let message = format!("a statement has more than {RELATIONS_MAX} joins or set operations");
        Err(QueryError::syntax(message, Position::of(token.span)))
    }

    /// Whether the colon that comes next separates a key of an object literal from its value.
    fn is_key_colon(&self) -> bool {
        let level = self.levels.last();
        let opened = level
            .and_then(|level| level.opened.as_ref())
            .map(|t| &t.token);
        let mut before = self.list.iter().rev().map(|t| &t.token);
        opened == Some(&Token::LBrace)
            && matches!(
                before.next(),
                Some(Token::SingleQuotedString(_) | Token::Word(_))
            )
            && matches!(before.next(), Some(Token::LBrace | Token::Comma))
    }

    fn take_parameter(&mut self, rest: &[TokenWithSpan]) -> Result<usize, QueryError> {
        let colon = &rest[0];
        let name = match rest.get(1).map(|t| &t.token) {
            Some(Token::Word(word)) => word.value.clone(),
            Some(Token::Number(digits, false)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.clone()
            }
            _ => {
                let message = "expected the name of a parameter after `:`";
                return Err(QueryError::syntax(message, Position::of(colon.span)));
            }
        };
        self.push_parameter(name, colon);
        Ok(2)
    }

    fn push_parameter(&mut self, name: String, at: &TokenWithSpan) {
        let token = Token::Placeholder(format!(":{name}"));
        self.list.push(TokenWithSpan::new(token, at.span));
        if !self.parameters.contains(&name) {
            self.parameters.push(name);
        }
    }

    /// Handles words with a meaning of their own; `None` keeps the word as it is.
    fn take_word(
        &mut self,
        word: &Word,
        rest: &[TokenWithSpan],
    ) -> Result<Option<usize>, QueryError> {
        if matches!(self.list.last().map(|t| &t.token), Some(Token::Period)) {
            return Ok(None);
        }
        let is_hint = ["hint", "option"]
            .iter()
            .any(|name| word.value.eq_ignore_ascii_case(name));
        if is_hint && matches!(rest.get(1).map(|t| &t.token), Some(Token::LParen)) {
            return self.take_hint(word, rest).map(Some);
        }
        match word.keyword {
            Keyword::SELECT => {
                let level = self.level();
                level.in_select_list = true;
                level.in_from = false;
                level.end_term();
            }
            Keyword::FROM => {
                let level = self.level();
                level.in_select_list = false;
                level.in_from = true;
                level.end_term();
            }
            Keyword::JOIN | Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => {
                self.count_relation(&rest[0])?;
            }
            Keyword::AND | Keyword::OR | Keyword::WHEN | Keyword::THEN | Keyword::ELSE => {
                self.level().end_term();
            }
            Keyword::ON | Keyword::WHERE | Keyword::HAVING | Keyword::BY => {
                let level = self.level();
                level.in_from &= word.keyword == Keyword::ON;
                level.end_term();
            }
            Keyword::IS | Keyword::IN | Keyword::LIKE | Keyword::BETWEEN | Keyword::AT => {
                self.count_operator(&rest[0])?;
            }
            Keyword::AS | Keyword::WITH if self.level().is_unnest => {
                return Ok(self.take_unnest_alias(word.keyword, rest));
            }
            Keyword::LIMIT | Keyword::OFFSET if self.level().is_array_agg => {
                return Ok(self.take_aggregate_limit(&rest[0], word.keyword));
            }
            Keyword::VALUES if self.starts_values(rest) => self.level().values = Values::Before,
            _ => {}
        }
        Ok(None)
    }

    /// Opens the brackets of `LIMIT [n, m]` at `LIMIT` or `OFFSET` inside `ARRAY_AGG(…)`; they are
    /// closed with the call. `None` where `OFFSET` is the name of a field.
    fn take_aggregate_limit(&mut self, word: &TokenWithSpan, keyword: Keyword) -> Option<usize> {
        let is_offset = keyword == Keyword::OFFSET;
        let is_behind_operand = match self.list.last().map(|t| &t.token) {
            Some(Token::Word(before)) => !matches!(
                before.keyword,
                Keyword::BY | Keyword::DISTINCT | Keyword::ALL | Keyword::AND | Keyword::OR
            ),
            Some(
                Token::Number(..)
                | Token::Placeholder(_)
                | Token::SingleQuotedString(_)
                | Token::RParen
                | Token::RBracket
                | Token::RBrace,
            ) => true,
            _ => false,
        };
        let has_limit = self.level().has_limit;
        if !is_behind_operand || has_limit && !is_offset {
            return None;
        }
        let mut tokens = Vec::with_capacity(4);
        if !has_limit {
            tokens.extend([Token::make_keyword("LIMIT"), Token::LBracket]);
            tokens.extend(is_offset.then(|| Token::make_keyword("NULL")));
        }
        tokens.extend(is_offset.then_some(Token::Comma));
        let tokens = tokens.into_iter();
        self.list
            .extend(tokens.map(|token| TokenWithSpan::new(token, word.span)));
        self.level().has_limit = true;
        Some(1)
    }

    /// Takes `AS y` or `WITH ORDINALITY [AS] n` inside `UNNEST(…)`.
    fn take_unnest_alias(&mut self, keyword: Keyword, rest: &[TokenWithSpan]) -> Option<usize> {
        let word_at = |at: usize| match &rest.get(at)?.token {
            Token::Word(word) => Some(word),
            _ => None,
        };
        let span = rest[0].span;
        let mut push = |token| self.list.push(TokenWithSpan::new(token, span));
        if keyword == Keyword::AS {
            let alias = Token::NationalStringLiteral(word_at(1)?.value.clone());
            push(Token::Comma);
            push(alias);
            self.level().has_alias = true;
            return Some(2);
        }
        if !word_at(1)?.value.eq_ignore_ascii_case("ordinality") {
            return None;
        }
        let name_at = if word_at(2)?.keyword == Keyword::AS {
            3
        } else {
            2
        };
        let name = Token::NationalStringLiteral(word_at(name_at)?.value.clone());
        if !self.levels.last().is_some_and(|level| level.has_alias) {
            self.list.push(TokenWithSpan::new(Token::Comma, span));
            self.list.push(TokenWithSpan::new(
                Token::NationalStringLiteral(String::new()),
                span,
            ));
        }
        self.list.push(TokenWithSpan::new(Token::Comma, span));
        self.list.push(TokenWithSpan::new(name, span));
        Some(name_at + 1)
    }

    /// Takes `HINT(name[=value], …)` out; returns its length in tokens.
    fn take_hint(&mut self, word: &Word, rest: &[TokenWithSpan]) -> Result<usize, QueryError> {
        let is_leading = self.list.is_empty();
        let mut at = 2;
        while let Some(name) = rest.get(at) {
            if name.token == Token::RParen {
                return Ok(at + 1);
            }
            let Token::Word(name_word) = &name.token else {
                break;
            };
            let value_start = at + 1;
            let length = value_length(&rest[value_start..]);
            let value = &rest[value_start..value_start + length];
            self.apply_hint(&name_word.value, value, is_leading);
            at = value_start + length;
            match rest.get(at).map(|t| &t.token) {
                Some(Token::Comma) => at += 1,
                Some(Token::RParen) => {}
                _ => break,
            }
        }
        let place = rest
            .get(at)
            .and_then(|t| Position::of(t.span))
            .unwrap_or(self.end);
        let name = word.value.to_uppercase();
        let message = format!("expected `name = value` in {name}(…)");
        Err(QueryError::syntax(message, Some(place)))
    }

    fn apply_hint(&mut self, name: &str, value: &[TokenWithSpan], is_leading: bool) {
        let text = match value.last().map(|t| &t.token) {
            Some(Token::SingleQuotedString(text)) => Some(text.clone()),
            Some(Token::Word(word)) => Some(word.value.clone()),
            _ => None,
        };
        if is_leading && name.eq_ignore_ascii_case("default_workspace") && text.is_some() {
            self.default_workspace = text;
        } else if name.eq_ignore_ascii_case("access_path")
            && let (Some(place), Some(path)) = (self.table_before(), text.clone())
        {
            self.access_paths.push((place, path));
        } else if name.eq_ignore_ascii_case("match_all")
            && let Some(text) = &text
            && self.is_behind_search()
        {
            self.add_match_all(text.clone());
        } else if name.eq_ignore_ascii_case("max_field_depth")
            && let Some(Token::Number(digits, _)) = value.last().map(|t| &t.token)
            && let Ok(depth) = digits.parse()
        {
            self.field_depth_max = Some(depth);
        } else if name.eq_ignore_ascii_case("join_strategy")
            && text.is_some_and(|strategy| strategy.eq_ignore_ascii_case("lookup"))
        {
            self.lookup_joins = true;
        } else {
            self.warnings
                .push(format!("the hint `{name}` has no effect"));
        }
    }
}

impl Rewriter {
    /// Whether the last tokens are `SEARCH(…)`.
    fn is_behind_search(&self) -> bool {
        if !matches!(self.list.last().map(|t| &t.token), Some(Token::RParen)) {
            return false;
        }
        let mut open = 0;
        for (place, token) in self.list.iter().enumerate().rev() {
            match token.token {
                Token::RParen => open += 1,
                Token::LParen => open -= 1,
                _ => {}
            }
            if open == 0 {
                let name = place.checked_sub(1).map(|place| &self.list[place].token);
                return matches!(name, Some(Token::Word(word))
                    if word.value.eq_ignore_ascii_case("search"));
            }
        }
        false
    }

    /// Puts the option of a SEARCH behind its arguments.
    fn add_match_all(&mut self, value: String) {
        let Some(bracket) = self.list.pop() else {
            return;
        };
        for token in [Token::Comma, Token::NationalStringLiteral(value)] {
            self.list.push(TokenWithSpan::new(token, bracket.span));
        }
        self.list.push(bracket);
    }

    /// Where the name starts that the last tokens are, with an alias or without: `ws.c AS x`.
    fn table_before(&self) -> Option<Position> {
        let is_part = |t: &&TokenWithSpan| match &t.token {
            Token::Period => true,
            Token::Word(word) => {
                word.quote_style.is_some()
                    || !matches!(
                        word.keyword,
                        Keyword::FROM | Keyword::JOIN | Keyword::WHERE | Keyword::ON
                    )
            }
            _ => false,
        };
        let first = self.list.iter().rev().take_while(is_part).last()?;
        Position::of(first.span)
    }
}

/// Tokens of `= value` at the start of `rest`, up to the comma or bracket behind it.
fn value_length(rest: &[TokenWithSpan]) -> usize {
    if !matches!(rest.first().map(|t| &t.token), Some(Token::Eq)) {
        return 0;
    }
    let end = |t: &TokenWithSpan| matches!(t.token, Token::Comma | Token::RParen);
    rest.iter().position(end).unwrap_or(rest.len())
}

fn ends_select_list(next: Option<&TokenWithSpan>) -> bool {
    match next.map(|t| &t.token) {
        None | Some(Token::RParen | Token::SemiColon) => true,
        Some(Token::Word(word)) if word.quote_style.is_none() => matches!(
            word.keyword,
            Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::UNION
                | Keyword::INTERSECT
        ),
        _ => false,
    }
}
