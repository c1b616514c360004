//! JSON text (RFC 8259) straight into a [`BorrowedValue`].
//!
//! Our own, because types must not be guessed away: `-0` is the int 0, `-0.0` keeps its sign, every
//! float is the nearest one, and each error knows its byte. The text is checked to be UTF-8 once,
//! up front; strings are then scanned eight bytes at a time (`scan.rs`).

use std::borrow::Cow;

use super::{BorrowedObject, BorrowedValue, JsonError, ListMember, NESTING_MAX, scan};

/// Reads one value with nothing but blanks around it.
pub(super) fn parse(bytes: &[u8]) -> Result<BorrowedValue<'_>, JsonError> {
    let mut parser = Parser::new(bytes)?;
    let value = parser.document();
    value.map_err(|message| JsonError::at(bytes, parser.offset, message))
}

/// See [`parse_list`](super::parse_list).
pub(super) fn parse_list<'a, T>(
    bytes: &'a [u8],
    member: &str,
    read: impl FnMut(usize, BorrowedValue<'a>) -> T,
) -> Result<ListMember<T>, JsonError> {
    let mut parser = Parser::new(bytes)?;
    let list = parser.list(member, read);
    list.map_err(|message| JsonError::at(bytes, parser.offset, message))
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
    fn new(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|error| {
            JsonError::at(bytes, error.valid_up_to(), "text is not valid UTF-8")
        })?;
        Ok(Self { text, offset: 0 })
    }

    fn document(&mut self) -> Result<BorrowedValue<'a>, Message> {
        let value = self.value(0)?;
        self.end()?;
        Ok(value)
    }

    fn list<T>(
        &mut self,
        member: &str,
        mut read: impl FnMut(usize, BorrowedValue<'a>) -> T,
    ) -> Result<ListMember<T>, Message> {
        if self.peek_token() != Some(b'{') {
            self.document()?;
            return Ok(ListMember::NoObject);
        }
        let depth = inner(inner(0)?)?;
        let mut found = ListMember::NoList;
        self.members(|parser, name| {
            if name != member {
                return parser.value(1).map(drop);
            }
            // Of equal names the last wins.
            if parser.peek_token() != Some(b'[') {
                found = ListMember::NoList;
                return parser.value(1).map(drop);
            }
            let mut list = Vec::new();
            parser.elements(|parser| {
                list.push(read(list.len(), parser.value(depth)?));
                Ok(())
            })?;
            found = ListMember::List(list);
            Ok(())
        })?;
        self.end()?;
        Ok(found)
    }

    /// Refuses what comes after the value.
    fn end(&mut self) -> Result<(), Message> {
        match self.peek_token() {
            None => Ok(()),
            Some(_) => Err("unexpected text after the value"),
        }
    }

    /// The value that starts at the next token, inside `depth` containers.
    fn value(&mut self, depth: usize) -> Result<BorrowedValue<'a>, Message> {
        match self.peek_token().ok_or(END_OF_TEXT)? {
            b'"' => self.string().map(BorrowedValue::String),
            b'{' => self.object(inner(depth)?).map(BorrowedValue::Object),
            b'[' => self.array(inner(depth)?).map(BorrowedValue::Array),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", BorrowedValue::Bool(true)),
            b'f' => self.word("false", BorrowedValue::Bool(false)),
            b'n' => self.word("null", BorrowedValue::Null),
            b'N' | b'I' => Err("NaN and Infinity are not JSON numbers"),
            _ => Err("expected a value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<BorrowedObject<'a>, Message> {
        let mut members = Vec::new();
        self.members(|parser, name| {
            members.push((name, parser.value(depth)?));
            Ok(())
        })?;
        Ok(BorrowedObject::new(members))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<BorrowedValue<'a>>, Message> {
        let mut elements = Vec::new();
        self.elements(|parser| {
            elements.push(parser.value(depth)?);
            Ok(())
        })?;
        Ok(elements)
    }

    /// Steps over the object that begins here; `value` reads the value of each member.
    fn members(
        &mut self,
        mut value: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Message>,
    ) -> Result<(), Message> {
        self.offset += 1;
        if self.eat_token(b'}') {
            return Ok(());
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
            value(self, name)?;
            if self.eat_token(b'}') {
                return Ok(());
            }
            if !self.eat_token(b',') {
                return Err(self.unexpected("expected `,` or `}`"));
            }
        }
    }

    /// Steps over the array that begins here; `value` reads each element.
    fn elements(
        &mut self,
        mut value: impl FnMut(&mut Self) -> Result<(), Message>,
    ) -> Result<(), Message> {
        self.offset += 1;
        if self.eat_token(b']') {
            return Ok(());
        }
        loop {
            value(self)?;
            if self.eat_token(b']') {
                return Ok(());
            }
            if !self.eat_token(b',') {
                return Err(self.unexpected("expected `,` or `]`"));
            }
        }
    }

    fn word(&mut self, word: &str, value: BorrowedValue<'a>) -> Result<BorrowedValue<'a>, Message> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err("expected a value");
        }
        self.offset += word.len();
        Ok(value)
    }

    /// A number: an int if it has neither point nor exponent and fits, else the nearest float.
    fn number(&mut self) -> Result<BorrowedValue<'a>, Message> {
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
            return Ok(BorrowedValue::Int(int));
        }
        match number.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(BorrowedValue::Float(float)),
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
    fn string(&mut self) -> Result<Cow<'a, str>, Message> {
        self.offset += 1;
        let plain = self.plain_text()?;
        if self.peek() == Some(b'"') {
            self.offset += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            self.offset += 1;
            if self.text.as_bytes()[self.offset - 1] == b'"' {
                return Ok(Cow::Owned(text));
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
