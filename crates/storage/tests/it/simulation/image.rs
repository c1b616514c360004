//! The bytes of one simulated file: what programs see, and what a power cut leaves of it.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::StdRng;

/// What a disk writes as a whole. Sectors of one write reach it in any order.
const SECTOR_BYTES: usize = 512;

/// A file as the page cache has it and as the disk has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    bytes: Vec<u8>,
    on_disk: Vec<u8>,
    /// Sectors that the next sync writes. A sync that fails forgets them, as Linux does: a second
    /// sync succeeds and writes nothing.
    dirty: BTreeSet<usize>,
}

impl Image {
    /// A file that is on disk whole.
    pub(super) fn synced(bytes: Vec<u8>) -> Self {
        Self {
            on_disk: bytes.clone(),
            bytes,
            dirty: BTreeSet::new(),
        }
    }

    /// What programs read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn append(&mut self, data: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(data);
        self.dirty.extend(sectors(start, self.bytes.len()));
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.dirty.retain(|sector| sector * SECTOR_BYTES < length);
        if !length.is_multiple_of(SECTOR_BYTES) {
            self.dirty.insert(length / SECTOR_BYTES);
        }
    }

    /// Everything that is still dirty reaches the disk.
    pub(super) fn sync(&mut self) {
        self.on_disk.resize(self.bytes.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            self.write_sector(sector);
        }
    }

    /// Some of what is dirty reaches the disk, the rest never will.
    pub(super) fn fail_sync(&mut self, random: &mut StdRng) {
        self.resize_at_random(random);
        for sector in std::mem::take(&mut self.dirty) {
            if random.random() {
                self.write_sector(sector);
            }
        }
    }

    /// The power is cut: what was not synced has reached the disk or has not, sector by sector.
    /// True if a part of it is there and a part is not.
    pub(super) fn lose_power(&mut self, random: &mut StdRng) -> bool {
        let whole = self.bytes.clone();
        let before = self.on_disk.clone();
        self.fail_sync(random);
        self.bytes.clone_from(&self.on_disk);
        self.bytes != whole && self.bytes != before
    }

    fn resize_at_random(&mut self, random: &mut StdRng) {
        let (disk, memory) = (self.on_disk.len(), self.bytes.len());
        let length = match random.random_range(0..3) {
            0 => disk,
            1 => memory,
            _ => random.random_range(disk.min(memory)..=disk.max(memory)),
        };
        self.on_disk.resize(length, 0);
    }

    fn write_sector(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES)
            .min(self.bytes.len())
            .min(self.on_disk.len());
        if start < end {
            self.on_disk[start..end].copy_from_slice(&self.bytes[start..end]);
        }
    }
}

fn sectors(start: usize, end: usize) -> std::ops::Range<usize> {
    start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_sync_after_a_failed_one_does_not_bring_the_bytes_to_disk() {
        let lost = (0..20).filter(|seed| {
            let mut random = StdRng::seed_from_u64(*seed);
            let mut image = Image::synced(b"old".to_vec());
            image.append(&[7; 2000]);
            image.fail_sync(&mut random);
            image.sync();
            image.lose_power(&mut random);
            image.bytes().len() != 2003 || image.bytes()[3..] != [7; 2000]
        });
        assert!(lost.count() > 10);
    }

    #[test]
    fn what_was_synced_stays() {
        for seed in 0..20 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut image = Image::default();
            image.append(&[7; 700]);
            image.sync();
            image.append(&[8; 3000]);
            image.lose_power(&mut random);
            assert_eq!(image.bytes()[..700], [7; 700]);
        }
    }
}
