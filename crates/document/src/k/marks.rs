//! The trailer: which integral numbers are floats.
//!
//! Two bits per number whose value fits an `i64`, in the order of the bytes, the first in the
//! lowest bits of the first byte. Zero bytes at the end are left out, so all-int values have none.

/// What an integral number is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Int = 0,
    Float = 1,
    NegativeZero = 2,
}

/// Collects marks while a key is written.
#[derive(Debug, Default)]
pub(super) struct MarkWriter {
    count: usize,
    bytes: Vec<u8>,
}

impl MarkWriter {
    pub(super) fn push(&mut self, mark: Mark) {
        let (index, shift) = (self.count / 4, self.count % 4 * 2);
        self.count += 1;
        if mark != Mark::Int {
            // Grown for a mark that is not zero only, so the last byte never is.
            self.bytes.resize(index + 1, 0);
            self.bytes[index] |= (mark as u8) << shift;
        }
    }

    /// Appends the marks of another trailer that has `count` of them from `first` on.
    pub(super) fn extend(&mut self, marks: Marks<'_>, first: usize, count: usize) {
        for index in first..first + count {
            match marks.bits(index) {
                1 => self.push(Mark::Float),
                2 => self.push(Mark::NegativeZero),
                _ => self.push(Mark::Int),
            }
        }
    }

    /// The trailer.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A trailer to read.
#[derive(Copy, Clone, Debug)]
pub(super) struct Marks<'a>(pub(super) &'a [u8]);

impl Marks<'_> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The two bits of the number at `index`; zero past the end.
    pub(super) fn bits(self, index: usize) -> u8 {
        self.0
            .get(index / 4)
            .map_or(0, |byte| byte >> (index % 4 * 2) & 0b11)
    }

    /// Whether the `count` numbers from `first` on are all ints.
    pub(super) fn are_ints(self, first: usize, count: usize) -> bool {
        let last = (first + count).min(self.0.len() * 4);
        (first..last).all(|index| self.bits(index) == 0)
    }

    /// Whether the trailer is what a writer of `count` marks leaves behind.
    pub(super) fn is_canonical(self, count: usize) -> bool {
        match self.0.last() {
            None => true,
            Some(0) => false,
            Some(_) => {
                let slots = self.0.len() * 4;
                slots < count + 4 && (count..slots).all(|index| self.bits(index) == 0)
            }
        }
    }
}
