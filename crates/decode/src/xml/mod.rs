//! XML: a document for each element that is one.
//!
//! Attributes and the elements inside are members, those of one name together an array, all text stays text. An element
//! with neither is its text; where there is a text beside them, it is the member `value_tag`. Nothing is declared or
//! loaded: a file with a document type is refused, and so is every entity but the five of XML. `encoding.rs` makes text
//! of the bytes, `element.rs` values of the elements.

mod element;
mod encoding;

use outcrop_document::{Value, json};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, escape};
use serde::Deserialize;

use crate::{DecodeError, Sink};
use element::Element;
pub use encoding::Encoding;

/// How elements become documents. What is null or empty is not given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct XmlOptions {
    /// Elements outside of the first one of this name are passed over.
    pub root_tag: Option<String>,
    /// Name of the elements that are documents. If it is not given, those directly inside of the root are.
    pub doc_tag: Option<String>,
    /// Stands before the names of attributes.
    pub attribute_prefix: Option<String>,
    /// Name of the text beside attributes and elements; `value` if it is not given.
    pub value_tag: Option<String>,
    /// What the file is written in, if it does not say so itself.
    pub encoding: Option<String>,
}

/// Hands the documents to `sink`.
pub(crate) fn read(
    file: &[u8],
    options: &XmlOptions,
    sink: &mut Sink<'_>,
) -> Result<(), DecodeError> {
    let encoding = given(&options.encoding).map(Encoding::of).transpose();
    let text = encoding::text(file, encoding.map_err(DecodeError::file)?);
    let text = text.map_err(DecodeError::file)?;
    let mut reader = Reader::from_str(&text);
    let mut documents = Documents::new(options);
    loop {
        let event = reader.read_event();
        let at = reader.error_position();
        let event = event.map_err(|error| DecodeError::File(format!("at byte {at}: {error}")))?;
        if matches!(event, Event::Eof) {
            return documents.end().map_err(DecodeError::File);
        }
        let at = reader.buffer_position();
        let finished = documents.take(event);
        let finished =
            finished.map_err(|reason| DecodeError::File(format!("before byte {at}: {reason}")))?;
        if let Some(document) = finished {
            sink(Ok(document))?;
        }
    }
}

/// An option that is not empty.
fn given(option: &Option<String>) -> Option<&str> {
    option.as_deref().filter(|option| !option.is_empty())
}

/// The documents of a file, under construction.
struct Documents<'o> {
    root_tag: Option<&'o str>,
    doc_tag: Option<&'o str>,
    attribute_prefix: &'o str,
    value_tag: &'o str,
    /// Names of the elements around the document.
    around: Vec<String>,
    /// How many of them are the root and those around it; `None` before the root and behind it.
    root: Option<usize>,
    is_root_seen: bool,
    /// The elements of the document that are open, from its own on.
    open: Vec<Element>,
}

impl<'o> Documents<'o> {
    fn new(options: &'o XmlOptions) -> Self {
        Self {
            root_tag: given(&options.root_tag),
            doc_tag: given(&options.doc_tag),
            attribute_prefix: given(&options.attribute_prefix).unwrap_or_default(),
            value_tag: given(&options.value_tag).unwrap_or("value"),
            around: Vec::new(),
            root: None,
            is_root_seen: false,
            open: Vec::new(),
        }
    }

    /// Takes what comes next; the document that it ends.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Value>, String> {
        match event {
            Event::Start(start) => {
                self.start(&start)?;
                Ok(None)
            }
            Event::Empty(start) => {
                self.start(&start)?;
                Ok(self.close())
            }
            // That it is the name of the start has been checked.
            Event::End(_) => Ok(self.close()),
            Event::Text(text) => {
                let text = text.xml_content().map_err(|error| error.to_string())?;
                self.text(&text)
            }
            Event::CData(text) => {
                let text = text.xml_content().map_err(|error| error.to_string())?;
                self.text(&text)
            }
            Event::GeneralRef(reference) => self.text(&referred(&reference)?),
            Event::DocType(_) => Err("document types are refused".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Eof => Ok(None),
        }
    }

    /// # Errors
    /// If there is more to come.
    fn end(&self) -> Result<(), String> {
        let open = self.open.last().map(|element| element.name.as_str());
        if let Some(name) = open.or(self.around.last().map(String::as_str)) {
            return Err(format!("it ends inside of `<{name}>`"));
        }
        match self.root_tag {
            Some(root) if !self.is_root_seen => Err(format!("it has no element `<{root}>`")),
            _ => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.around.len() + self.open.len() >= json::NESTING_MAX {
            let depth_max = json::NESTING_MAX;
            return Err(format!(
                "elements are nested deeper than {depth_max} levels"
            ));
        }
        let name = std::str::from_utf8(start.name().as_ref())
            .map_err(|error| error.to_string())?
            .to_owned();
        if !self.open.is_empty() || self.is_document(&name) {
            let mut element = Element::new(name);
            self.attributes(start, &mut element)?;
            self.open.push(element);
            return Ok(());
        }
        let is_root = match self.root_tag {
            Some(root) => name == root && !self.is_root_seen,
            None => self.around.is_empty(),
        };
        self.around.push(name);
        if is_root {
            self.is_root_seen = true;
            self.root = Some(self.around.len());
        }
        Ok(())
    }

    /// Whether an element of this name that comes next is a document.
    fn is_document(&self, name: &str) -> bool {
        match (self.doc_tag, self.root_tag) {
            (Some(tag), None) => name == tag,
            (Some(tag), Some(_)) => self.root.is_some() && name == tag,
            (None, _) => self.root == Some(self.around.len()),
        }
    }

    fn attributes(&self, start: &BytesStart<'_>, element: &mut Element) -> Result<(), String> {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = std::str::from_utf8(attribute.key.as_ref());
            let name = name.map_err(|error| error.to_string())?;
            let value = attribute
                .unescape_value()
                .map_err(|error| error.to_string())?;
            let name = format!("{}{name}", self.attribute_prefix);
            element.insert(name, Value::String(value.into_owned()));
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<Option<Value>, String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if self.around.is_empty() && !text.trim().is_empty() => {
                return Err("there is text outside of all elements".to_owned());
            }
            None => {}
        }
        Ok(None)
    }

    /// Ends the innermost element; the document, if it is one.
    fn close(&mut self) -> Option<Value> {
        let Some(element) = self.open.pop() else {
            if self.root == Some(self.around.len()) {
                self.root = None;
            }
            self.around.pop();
            return None;
        };
        match self.open.last_mut() {
            Some(parent) => {
                let (name, value) = element.finish(self.value_tag);
                parent.insert(name, value);
                None
            }
            None => Some(element.finish_document(self.value_tag)),
        }
    }
}

/// The character that a reference such as `&amp;` or `&#65;` stands for.
fn referred(reference: &BytesRef<'_>) -> Result<String, String> {
    let character = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?;
    if let Some(character) = character {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(|error| error.to_string())?;
    escape::resolve_xml_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| format!("there is no entity `&{name};`"))
}

#[cfg(test)]
mod tests;
