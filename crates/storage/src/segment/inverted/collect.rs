//! Collects the terms of one path and their rows, in any order of the terms.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Bytes of the longest key of a value of fixed size: class, double, residual.
const FIXED_BYTES_MAX: usize = 11;

/// Bits of a row id.
const ROW_BITS: u32 = 32;

/// Keys of fixed-size values with their rows, packed so that the numbers order as the pairs do.
#[derive(Debug, Default)]
pub(super) struct FixedKeys(Vec<u128>);

impl FixedKeys {
    /// Adds a key of at most [`FIXED_BYTES_MAX`] bytes, none of which is a prefix of another.
    pub(super) fn push(&mut self, key: &[u8], row: u32) {
        debug_assert!(key.len() <= FIXED_BYTES_MAX);
        let mut bytes = [0; 16];
        bytes[1..=key.len()].copy_from_slice(key);
        bytes[12..].copy_from_slice(&row.to_be_bytes());
        self.0.push(u128::from_be_bytes(bytes));
    }

    /// Gives each key, `key_bytes` long as a function of its bytes, with its rows, in order.
    pub(super) fn for_each<E>(
        mut self,
        key_bytes: impl Fn(&[u8]) -> usize,
        mut found: impl FnMut(&[u8], &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.0.sort_unstable();
        let mut rows = Vec::new();
        for group in self
            .0
            .chunk_by(|left, right| left >> ROW_BITS == right >> ROW_BITS)
        {
            rows.clear();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the row is the lowest 32 bits"
            )]
            rows.extend(group.iter().map(|packed| *packed as u32));
            // The same row again: an array with two equal elements.
            rows.dedup();
            let bytes = group[0].to_be_bytes();
            let key = &bytes[1..12];
            found(&key[..key_bytes(key)], &rows)?;
        }
        Ok(())
    }
}

/// Terms of any size with their rows.
#[derive(Debug)]
pub(super) struct TermTable {
    terms: Vec<u8>,
    /// Where each term ends.
    ends: Vec<usize>,
    lookup: HashTable<u32>,
    /// With a random seed: values come from outside and must not be able to collide on purpose.
    hasher: DefaultHashBuilder,
    /// The term and the row of each value, rows ascending.
    values: Vec<(u32, u32)>,
}

impl Default for TermTable {
    fn default() -> Self {
        Self {
            terms: Vec::new(),
            ends: Vec::new(),
            lookup: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            values: Vec::new(),
        }
    }
}

impl TermTable {
    /// Adds a value; rows must not descend.
    pub(super) fn push(&mut self, term: &[u8], row: u32) {
        let id = self.intern(term);
        self.values.push((id, row));
    }

    fn intern(&mut self, term: &[u8]) -> u32 {
        let Self {
            terms,
            ends,
            lookup,
            hasher,
            ..
        } = self;
        let hash = hasher.hash_one(term);
        if let Some(id) = lookup.find(hash, |id| slice(terms, ends, *id) == term) {
            return *id;
        }
        let id = u32::try_from(ends.len()).expect("a path has fewer than 2^32 values");
        terms.extend_from_slice(term);
        ends.push(terms.len());
        lookup.insert_unique(hash, id, |id| hasher.hash_one(slice(terms, ends, *id)));
        id
    }

    /// Gives each term with its rows, in order. What was pushed are the terms.
    pub(super) fn for_each<E>(
        self,
        found: impl FnMut(&[u8], &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (terms, ends) = (&self.terms, &self.ends);
        self.for_each_of(terms, ends, found)
    }

    /// As [`for_each`](Self::for_each), where `encode` makes the term of what was pushed, once for
    /// each distinct one. Different ones must have different terms.
    pub(super) fn for_each_encoded<E>(
        self,
        encode: impl Fn(&[u8], &mut Vec<u8>),
        found: impl FnMut(&[u8], &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut terms = Vec::with_capacity(self.terms.len() + 2 * self.ends.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        for id in 0..row_number(self.ends.len()) {
            encode(slice(&self.terms, &self.ends, id), &mut terms);
            ends.push(terms.len());
        }
        self.for_each_of(&terms, &ends, found)
    }

    fn for_each_of<E>(
        &self,
        terms: &[u8],
        ends: &[usize],
        mut found: impl FnMut(&[u8], &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (rows, row_ends) = self.rows_by_term();
        let term = |id: u32| slice(terms, ends, id);
        let ids = 0..row_number(ends.len());
        // What all terms begin with, such as `https://`, decides nothing.
        let shared = ids.clone().map(term).reduce(common_prefix);
        let shared = shared.unwrap_or_default().len();
        let mut order: Vec<(u64, u32)> = ids.map(|id| (prefix(&term(id)[shared..]), id)).collect();
        order.sort_unstable_by(|left, right| {
            left.0
                .cmp(&right.0)
                .then_with(|| term(left.1).cmp(term(right.1)))
        });
        let mut distinct = Vec::new();
        for (_, id) in order {
            let start = id
                .checked_sub(1)
                .map_or(0, |before| row_ends[before as usize]);
            let rows = &rows[start..row_ends[id as usize]];
            distinct.clear();
            distinct.extend_from_slice(rows);
            distinct.dedup();
            found(term(id), &distinct)?;
        }
        Ok(())
    }

    /// The rows of all values, those of one term together, and where those of each term end.
    fn rows_by_term(&self) -> (Vec<u32>, Vec<usize>) {
        let mut ends = vec![0_usize; self.ends.len()];
        for (id, _) in &self.values {
            ends[*id as usize] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            (*end, total) = (total, total + *end);
        }
        let mut rows = vec![0; total];
        for (id, row) in &self.values {
            let next = &mut ends[*id as usize];
            rows[*next] = *row;
            *next += 1;
        }
        (rows, ends)
    }
}

fn slice<'a>(terms: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = id.checked_sub(1).map_or(0, |before| ends[before]);
    &terms[start..ends[id]]
}

/// What both terms begin with.
fn common_prefix<'t>(left: &'t [u8], right: &'t [u8]) -> &'t [u8] {
    let pairs = left.iter().zip(right);
    &left[..pairs.take_while(|(one, other)| one == other).count()]
}

/// The first bytes of a term, whose order decides most comparisons.
fn prefix(term: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let count = term.len().min(bytes.len());
    bytes[..count].copy_from_slice(&term[..count]);
    u64::from_be_bytes(bytes)
}

fn row_number(count: usize) -> u32 {
    u32::try_from(count).expect("a path has fewer than 2^32 values")
}
