//! One statement: the query, and what may stand around it.

use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError, ParserOptions};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::grammar::Rockset;
use super::insert::{self, Insert};
use super::script::{self, Script};
use super::tokens::{self, Tokens};
use crate::error::{Position, QueryError};

/// Longest text of a statement in bytes.
///
/// Clients send embeddings and long `IN` lists as text, so it is generous; it bounds the memory that
/// one request can make the parser take (about 100 times the text).
const SQL_BYTES_MAX: usize = 4 << 20;

/// Stack that must be free when the parser goes one level deeper; below it, it goes on on a new one.
/// Between two checks it may use frames of 100 kB and more in builds without optimisation.
const STACK_BYTES_FREE_MIN: usize = 512 << 10;

/// Size of a new stack.
const STACK_BYTES: usize = 4 << 20;

/// Deepest recursion of the parser. Brackets are bounded lower (`tokens::NESTING_MAX`); this one is
/// for prefixes such as `NOT NOT NOT x` and `- - - x`, and for long paths.
const RECURSION_MAX: usize = 1_000;

/// Expression prefixes that the parser may try per token, see [`Rockset::with_fuel`]. Honest
/// statements stay below 3.
const FUEL_PER_TOKEN: usize = 50;

/// What `EXPLAIN` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// The plan, without running it.
    Plan,
    /// The plan with what each operator did.
    Analyze,
}

/// What `DESCRIBE` or `SHOW COLUMNS` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Describe {
    /// Longest path to show, from `OPTION(max_field_depth=n)`.
    pub depth_max: Option<usize>,
}

/// A parsed statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The query. Of a collection that is to be described, it selects everything.
    pub query: Box<Query>,
    /// Where the rows go, if they are to be stored.
    pub insert: Option<Insert>,
    /// Whether the types of the collection are wanted instead of the rows.
    pub describe: Option<Describe>,
    /// Whether the plan is wanted instead of the rows.
    pub explain: Option<Explain>,
    /// The workspace of unqualified collections, from a leading `OPTION(default_workspace='ws')`.
    pub default_workspace: Option<String>,
    /// Names of the parameters in order of first use, without the colon. `?` counts from 1.
    pub parameters: Vec<String>,
    /// From `collection HINT(access_path=path)`: where the name of the collection starts, the path.
    pub access_paths: Vec<(Position, String)>,
    /// Whether joins look the rows of their right side up in its index: `HINT(join_strategy=lookup)`.
    pub lookup_joins: bool,
    /// The JavaScript in front of it.
    pub script: Option<Script>,
    /// What was understood but has no effect.
    pub warnings: Vec<String>,
}

impl Statement {
    /// Whether it gives the rows of its query, and does nothing else with them.
    pub(crate) fn is_query(&self) -> bool {
        self.insert.is_none() && self.describe.is_none() && self.explain.is_none()
    }
}

/// Parses the one statement of `sql`.
///
/// # Errors
/// [`QueryError::Syntax`] with the place of the first token that does not fit, or that goes beyond a
/// limit; [`QueryError::NotImplemented`] for statements that are not queries.
pub fn parse(sql: &str) -> Result<Statement, QueryError> {
    if sql.len() > SQL_BYTES_MAX {
        let message = format!(
            "the statement has {} bytes, which is more than the limit of {SQL_BYTES_MAX}",
            sql.len()
        );
        return Err(QueryError::syntax(message, None));
    }
    recursive::set_minimum_stack_size(STACK_BYTES_FREE_MIN);
    recursive::set_stack_allocation_size(STACK_BYTES);
    let (script, sql) = script::take(sql)?;
    let sql = sql.as_ref();
    let dialect = Rockset::with_fuel(usize::MAX);
    let mut tokens = tokens::read(&dialect, sql)?;
    let explain = take_explain(&mut tokens);
    let describe = match explain {
        None => take_describe(&mut tokens),
        Some(_) => None,
    };
    check_kind(&tokens)?;

    let fuel = tokens
        .list
        .len()
        .saturating_mul(FUEL_PER_TOKEN)
        .saturating_add(1_000);
    let dialect = Rockset::with_fuel(fuel);
    let end = tokens.end;
    let mut parser = Parser::new(&dialect)
        .with_options(ParserOptions::new().with_unescape(true))
        .with_recursion_limit(RECURSION_MAX)
        .with_tokens_with_locations(tokens.list);
    let (insert, query) =
        parse_statement(&mut parser).map_err(|error| syntax_error(&dialect, error, end))?;
    Ok(Statement {
        query,
        insert,
        describe,
        explain,
        default_workspace: tokens.default_workspace,
        parameters: tokens.parameters,
        access_paths: tokens.access_paths,
        lookup_joins: tokens.lookup_joins,
        script,
        warnings: tokens.warnings,
    })
}

fn parse_statement(parser: &mut Parser) -> Result<(Option<Insert>, Box<Query>), ParserError> {
    let insert = insert::parse(parser)?;
    let query = parser.parse_query()?;
    while parser.consume_token(&Token::SemiColon) {}
    let next = parser.peek_token_ref();
    if next.token != Token::EOF {
        return parser.expected_ref("the end of the statement", next);
    }
    Ok((insert, query))
}

fn take_explain(tokens: &mut Tokens) -> Option<Explain> {
    let list = &tokens.list;
    if keyword(list, 0)? != Keyword::EXPLAIN {
        return None;
    }
    let mut length = 1;
    let mut explain = Explain::Plan;
    if keyword(list, 1) == Some(Keyword::ANALYZE) {
        explain = Explain::Analyze;
        length += 1;
    }
    length += options_length(&list[length..]);
    tokens.list.drain(..length);
    Some(explain)
}

/// Makes `DESCRIBE c` and `SHOW COLUMNS FROM c` the text `SELECT * FROM c`.
fn take_describe(tokens: &mut Tokens) -> Option<Describe> {
    let list = &tokens.list;
    let length = match keyword(list, 0)? {
        Keyword::DESCRIBE | Keyword::DESC => 1,
        Keyword::SHOW
            if keyword(list, 1) == Some(Keyword::COLUMNS)
                && matches!(keyword(list, 2), Some(Keyword::FROM | Keyword::IN)) =>
        {
            3
        }
        _ => return None,
    };
    let span = list[0].span;
    let select = [
        Token::make_keyword("SELECT"),
        Token::Mul,
        Token::make_keyword("FROM"),
    ];
    let select = select.map(|token| TokenWithSpan::new(token, span));
    tokens.list.splice(..length, select);
    let depth_max = tokens.field_depth_max;
    Some(Describe { depth_max })
}

/// Tokens of `(name = value, …)` at the start of `list`; 0 if it is something else, such as a query.
fn options_length(list: &[TokenWithSpan]) -> usize {
    let is_options = matches!(list.first().map(|t| &t.token), Some(Token::LParen))
        && matches!(list.get(1).map(|t| &t.token), Some(Token::Word(_)))
        && matches!(
            list.get(2).map(|t| &t.token),
            Some(Token::Eq | Token::RParen | Token::Comma)
        );
    if !is_options {
        return 0;
    }
    list.iter()
        .position(|t| t.token == Token::RParen)
        .map_or(0, |at| at + 1)
}

fn keyword(list: &[TokenWithSpan], at: usize) -> Option<Keyword> {
    match &list.get(at)?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// Lets queries pass and names every other statement.
fn check_kind(tokens: &Tokens) -> Result<(), QueryError> {
    let Some(first) = tokens.list.first() else {
        return Err(QueryError::syntax(
            "expected a statement, found nothing",
            Some(tokens.end),
        ));
    };
    let position = Position::of(first.span);
    let Token::Word(word) = &first.token else {
        if matches!(first.token, Token::LParen) {
            return Ok(());
        }
        let message = format!("expected a statement, found `{first}`");
        return Err(QueryError::syntax(message, position));
    };
    let what = match word.keyword {
        Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE => return Ok(()),
        Keyword::INSERT if !insert::is_into_bucket(&tokens.list) => return Ok(()),
        Keyword::INSERT => "`INSERT INTO` a bucket",
        Keyword::DESCRIBE | Keyword::DESC => "`DESCRIBE`",
        Keyword::SHOW => "`SHOW`",
        Keyword::CREATE => "`CREATE`",
        Keyword::DROP => "`DROP`",
        Keyword::ALTER => "`ALTER`",
        Keyword::UPDATE => "`UPDATE`",
        Keyword::DELETE => "`DELETE`",
        Keyword::MERGE => "`MERGE`",
        Keyword::SET => "`SET`",
        _ => {
            let message = format!("expected a statement such as SELECT, found `{first}`");
            return Err(QueryError::syntax(message, position));
        }
    };
    Err(QueryError::not_implemented(what, position))
}

fn syntax_error(dialect: &Rockset, error: ParserError, end: Position) -> QueryError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded if dialect.is_exhausted() => {
            return QueryError::syntax("the statement is too complex to parse", None);
        }
        ParserError::RecursionLimitExceeded => {
            return QueryError::syntax("the statement is nested too deeply", None);
        }
    };
    let (message, position) = split_position(&text);
    let message = match message.strip_prefix("Expected: ") {
        Some(rest) => match rest.rsplit_once(", found: ") {
            Some((expected, "EOF")) => format!("expected {expected}, found the end of the text"),
            Some((expected, found)) => format!("expected {expected}, found `{found}`"),
            None => format!("expected {rest}"),
        },
        None => message.to_owned(),
    };
    QueryError::syntax(message, Some(position.unwrap_or(end)))
}

/// Takes ` at Line: 1, Column: 2` off the end of a parser's message.
fn split_position(text: &str) -> (&str, Option<Position>) {
    let parsed = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let position = Position {
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        };
        Some((message, position))
    });
    match parsed {
        Some((message, position)) => (message, Some(position)),
        None => (text, None),
    }
}
