//! JSON text (RFC 8259) straight into a [`Value`].
//!
//! Our own, because types must not be guessed away: `-0` is the int 0, `-0.0` keeps its sign, every
//! float is the nearest one, and each error knows its byte. The text is checked to be UTF-8 once,
//! up front; strings are then scanned eight bytes at a time (`scan.rs`).

use super::{JsonError, NESTING_MAX, scan};
use crate::{Object, Value};

/// Reads one value with nothing but blanks around it.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError::at(bytes, error.valid_up_to(), "text is not valid UTF-8"))?;
    let mut parser = Parser { text, offset: 0 };
    let value = parser.document();
    value.map_err(|message| JsonError::at(bytes, parser.offset, message))
}

/// What went wrong at the parser's offset.
type Message = &'static str;

const END_OF_TEXT: Message = "unexpected end of text";

struct Parser<'a> {
    text: &'a str,
    /// The next byte to read; always between two characters.
    offset: usize,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Value, Message> {
        let value = self.value(0)?;
        match self.peek_token() {
            None => Ok(value),
            Some(_) => Err("unexpected text after the value"),
        }
    }

    /// The value that starts at the next token, inside `depth` containers.
    fn value(&mut self, depth: usize) -> Result<Value, Message> {
        match self.peek_token().ok_or(END_OF_TEXT)? {
            b'"' => self.string().map(Value::String),
            b'{' => self.object(inner(depth)?).map(Value::Object),
            b'[' => self.array(inner(depth)?).map(Value::Array),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'N' | b'I' => Err("NaN and Infinity are not JSON numbers"),
            _ => Err("expected a value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, Message> {
        let mut members = Object::new();
        self.offset += 1;
        if self.eat_token(b'}') {
            return Ok(members);
        }
        loop {
            match self.peek_token().ok_or(END_OF_TEXT)? {
                b'"' => {}
                _ => return Err("expected a member name in double quotes"),
            }
            let name = self.string()?;
            if !self.eat_token(b':') {
                return Err(self.unexpected("expected `:`"));
            }
            // Of equal names the last wins.
            members.insert(name, self.value(depth)?);
            if self.eat_token(b'}') {
                return Ok(members);
            }
            if !self.eat_token(b',') {
                return Err(self.unexpected("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Message> {
        let mut elements = Vec::new();
        self.offset += 1;
        if self.eat_token(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value(depth)?);
            if self.eat_token(b']') {
                return Ok(elements);
            }
            if !self.eat_token(b',') {
                return Err(self.unexpected("expected `,` or `]`"));
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Message> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err("expected a value");
        }
        self.offset += word.len();
        Ok(value)
    }

    /// A number: an int if it has neither point nor exponent and fits, else the nearest float.
    fn number(&mut self) -> Result<Value, Message> {
        let start = self.offset;
        self.offset += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.offset += 1,
            _ => self.digits()?,
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err("a number has no leading zeros");
        }
        let mut is_int = true;
        if self.peek() == Some(b'.') {
            is_int = false;
            self.offset += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            is_int = false;
            self.offset += 1;
            self.offset += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let number = &self.text[start..self.offset];
        if is_int && let Ok(int) = number.parse() {
            return Ok(Value::Int(int));
        }
        match number.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => {
                self.offset = start;
                Err("number is out of the range of a float")
            }
        }
    }

    /// Steps over one digit or more.
    fn digits(&mut self) -> Result<(), Message> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.offset += count;
        match count {
            0 => Err(self.unexpected("expected a digit")),
            _ => Ok(()),
        }
    }

    /// The string whose opening quote is the next byte.
    fn string(&mut self) -> Result<String, Message> {
        self.offset += 1;
        let plain = self.plain_text()?;
        if self.peek() == Some(b'"') {
            self.offset += 1;
            return Ok(plain.to_owned());
        }
        let mut text = plain.to_owned();
        loop {
            self.offset += 1;
            if self.text.as_bytes()[self.offset - 1] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
            text.push_str(self.plain_text()?);
        }
    }

    /// The text up to the next quote or backslash, which is there when this returns.
    fn plain_text(&mut self) -> Result<&'a str, Message> {
        let text = self.text;
        let start = self.offset;
        self.offset += scan::plain_len(self.rest());
        match self.peek().ok_or("a string is not closed")? {
            b'"' | b'\\' => Ok(&text[start..self.offset]),
            _ => Err("control characters in strings must be escaped"),
        }
    }

    /// The character of an escape; its backslash has been read.
    fn escape(&mut self) -> Result<char, Message> {
        let escaped = match self.peek().ok_or("a string is not closed")? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err("unknown escape in a string"),
        };
        self.offset += 1;
        Ok(escaped)
    }

    /// `uXXXX`, or two of them that make a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, Message> {
        const LONE: Message = "a surrogate in a string stands alone";
        let first = self.hex_escape()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if first >= 0xDC00 || !self.rest().starts_with(b"\\u") {
            return Err(LONE);
        }
        self.offset += 1;
        let second = self.hex_escape()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(LONE);
        }
        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or(LONE)
    }

    /// The number of `uXXXX`.
    fn hex_escape(&mut self) -> Result<u32, Message> {
        let digits = self.rest().get(1..5).ok_or("a string is not closed")?;
        let number = digits.iter().try_fold(0, |number, digit| {
            Some(number * 16 + char::from(*digit).to_digit(16)?)
        });
        let number = number.ok_or("`\\u` must be followed by four hex digits")?;
        self.offset += 5;
        Ok(number)
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.offset..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// The first byte of the next token; steps over the blanks before it.
    fn peek_token(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.offset += 1;
        }
    }

    /// Steps over the next token if it is this one.
    fn eat_token(&mut self, token: u8) -> bool {
        let is_next = self.peek_token() == Some(token);
        self.offset += usize::from(is_next);
        is_next
    }

    /// `message`, or that the text has ended.
    fn unexpected(&self, message: Message) -> Message {
        if self.offset < self.text.len() {
            message
        } else {
            END_OF_TEXT
        }
    }
}

/// The depth inside a container that stands inside `depth` others.
fn inner(depth: usize) -> Result<usize, Message> {
    const TOO_DEEP: Message = "nested deeper than 128 levels";
    const { assert!(NESTING_MAX == 128, "the message says so") }
    if depth < NESTING_MAX {
        Ok(depth + 1)
    } else {
        Err(TOO_DEEP)
    }
}
