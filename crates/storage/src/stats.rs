//! Figures of a collection for people and for the API.

/// How much a collection holds. Sizes are in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionStats {
    /// Documents that a query sees.
    pub doc_count: u64,
    /// Older versions and deleted documents that still take space.
    pub dead_count: u64,
    /// Size of all segments on disk.
    pub segment_bytes: u64,
    /// Number of segments.
    pub segment_count: u64,
    /// Documents that are in memory and the write-ahead log, not in a segment yet.
    pub delta_count: u64,
    /// Memory that these take.
    pub delta_bytes: u64,
    /// Encoded size of all documents written since the store was opened.
    pub bytes_inserted: u64,
    /// Number of documents that replaced an older version since the store was opened.
    pub replaced_count: u64,
    /// Documents that retention has removed since the store was opened.
    pub purged_count: u64,
    /// Size of the rows of these, about.
    pub purged_bytes: u64,
    /// The sequence number of the newest write.
    pub seqno: u64,
    /// When the newest write of this process became visible, in microseconds since 1970; `None`
    /// if there was none since the store was opened.
    pub last_write_micros: Option<i64>,
}
