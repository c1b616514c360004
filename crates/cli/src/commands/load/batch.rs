//! A bounded group of documents that go to the server in one request.

use std::sync::Arc;

/// The body of a request is kept below this size, so that one request neither reaches the server's limit nor
/// makes others wait long. A single document may be larger.
pub(crate) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A document and where it came from.
#[derive(Debug)]
pub(crate) struct Document {
    /// The file, as named on the command line.
    pub(crate) file: Arc<str>,
    /// Where it begins there.
    pub(crate) line: u64,
    /// Its text.
    pub(crate) json: Vec<u8>,
}

/// Documents in the order of their files.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    documents: Vec<Document>,
    bytes: usize,
}

impl Batch {
    /// Whether another document of this size has no place any more.
    pub(crate) fn is_full_for(&self, bytes: usize, documents_max: usize) -> bool {
        !self.documents.is_empty()
            && (self.documents.len() >= documents_max || self.bytes + bytes > BATCH_BYTES_MAX)
    }

    /// Adds a document at the end.
    pub(crate) fn push(&mut self, document: Document) {
        self.bytes += document.json.len();
        self.documents.push(document);
    }

    /// The documents in order.
    pub(crate) fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Cuts the batch into two of about the same number of documents.
    pub(crate) fn halves(mut self) -> (Self, Self) {
        let second = self.documents.split_off(self.documents.len() / 2);
        (
            self.documents.into_iter().collect(),
            second.into_iter().collect(),
        )
    }

    /// The body of the request.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.bytes + self.documents.len() + 16);
        body.extend_from_slice(b"{\"data\":[");
        for (index, document) in self.documents.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&document.json);
        }
        body.extend_from_slice(b"]}");
        body
    }
}

impl FromIterator<Document> for Batch {
    fn from_iter<I: IntoIterator<Item = Document>>(documents: I) -> Self {
        let mut batch = Self::default();
        for document in documents {
            batch.push(document);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(line: u64, json: &str) -> Document {
        Document {
            file: "f".into(),
            line,
            json: json.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_body_is_an_array_of_the_documents() {
        let batch: Batch = [document(1, "{}"), document(2, r#"{"a":1}"#)]
            .into_iter()
            .collect();
        assert_eq!(batch.body(), br#"{"data":[{},{"a":1}]}"#);
        let (first, second) = batch.halves();
        assert_eq!(first.body(), br#"{"data":[{}]}"#);
        assert_eq!(second.documents()[0].line, 2);
    }

    #[test]
    fn a_batch_takes_one_document_of_any_size() {
        let mut batch = Batch::default();
        assert!(!batch.is_full_for(BATCH_BYTES_MAX * 2, 1));
        batch.push(document(1, "{}"));
        assert!(batch.is_full_for(2, 1));
        assert!(!batch.is_full_for(2, 2));
        assert!(batch.is_full_for(BATCH_BYTES_MAX, 2));
    }
}
