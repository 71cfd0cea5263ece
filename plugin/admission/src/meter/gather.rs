//! Pieces of bytes: the few that are needed together, and the two sides of a cut.

/// Bytes of a fixed part (a header, a checksum) that may come in pieces.
#[derive(Debug)]
pub(super) struct Gather<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Gather<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Gather<N> {
    /// Takes what is missing of `len` bytes, and returns what is behind.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8], len: usize) -> &'a [u8] {
        let (now, rest) = cut(bytes, len.min(N).saturating_sub(self.len));
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(now) {
            *slot = *byte;
        }
        self.len = self.len.saturating_add(now.len());
        rest
    }

    /// The first `len` bytes, once they are there; then it is empty again.
    pub(super) fn take(&mut self, len: usize) -> Option<[u8; N]> {
        if self.len < len {
            return None;
        }
        self.len = 0;
        Some(self.bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }
}

/// The first `len` bytes, or all there are, and the rest.
pub(super) fn cut(bytes: &[u8], len: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(len).unwrap_or((bytes, &[]))
}
