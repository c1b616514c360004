//! Numbers, bytes and texts out of Avro's encoding.

/// A place in encoded bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.offset == self.bytes.len()
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.offset..];
        let taken = rest.get(..count).ok_or_else(|| {
            format!(
                "it ends at byte {} where {count} more are due",
                self.offset + rest.len()
            )
        })?;
        self.offset += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A number of up to 64 bits, seven to a byte, lowest first, with the sign in the lowest bit.
    pub(super) fn long(&mut self) -> Result<i64, String> {
        let mut bits = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            bits |= part << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(format!(
            "the number before byte {} has more than 64 bits",
            self.offset
        ))
    }

    /// A number of 32 bits.
    pub(super) fn int(&mut self) -> Result<i32, String> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| format!("{long} is no int"))
    }

    /// A number that is not negative.
    pub(super) fn length(&mut self) -> Result<usize, String> {
        let long = self.long()?;
        usize::try_from(long).map_err(|_| format!("{long} is no length"))
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.length()?;
        self.take(length)
    }

    /// A text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, String> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes)
            .map_err(|_| format!("the text before byte {} is not in UTF-8", self.offset))
    }

    /// How many items of an array or map come next; 0 at its end.
    pub(super) fn items(&mut self) -> Result<u64, String> {
        let count = self.long()?;
        if count < 0 {
            // Their size in bytes, for those who skip them.
            self.length()?;
        }
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_64_bits() {
        let long = |bytes: &[u8]| Cursor::new(bytes).long();
        assert_eq!(long(&[0]), Ok(0));
        assert_eq!(long(&[1]), Ok(-1));
        assert_eq!(long(&[0x80, 1]), Ok(64));
        let max = [0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(long(&max), Ok(i64::MAX));
        assert_eq!(
            long(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            Ok(i64::MIN)
        );
        for damaged in [
            &[][..],
            &[0x80],
            &[255; 11],
            &[255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
        ] {
            assert!(long(damaged).is_err(), "{damaged:?}");
        }
    }
}
