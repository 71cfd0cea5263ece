//! Base64 that comes in pieces.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::gather::cut;

/// Decodes what comes, four characters at a time.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Characters that wait for the rest of their four.
    kept: [u8; 4],
    kept_len: usize,
    /// Something was no base64: nothing more comes out.
    bad: bool,
}

/// Characters that are decoded at once.
const AT_ONCE: usize = 256;
/// What they become.
const PLAIN: usize = 192;

impl Decoder {
    /// Takes a piece, and hands on what it becomes.
    pub(super) fn push(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while self.kept_len > 0 && self.kept_len < 4 {
            let Some((byte, after)) = rest.split_first() else { return };
            self.keep(*byte);
            rest = after;
        }
        if self.kept_len == 4 {
            let quantum = self.kept;
            self.kept_len = 0;
            self.decode(&quantum, &mut out);
        }
        let whole = rest.len().saturating_sub(rest.len().checked_rem(4).unwrap_or_default());
        let (now, later) = cut(rest, whole);
        for chunk in now.chunks(AT_ONCE) {
            self.decode(chunk, &mut out);
        }
        later.iter().for_each(|byte| self.keep(*byte));
    }

    fn keep(&mut self, byte: u8) {
        if let Some(slot) = self.kept.get_mut(self.kept_len) {
            *slot = byte;
            self.kept_len = self.kept_len.saturating_add(1);
        }
    }

    fn decode(&mut self, characters: &[u8], out: &mut impl FnMut(&[u8])) {
        let mut plain = [0; PLAIN];
        match STANDARD.decode_slice(characters, &mut plain) {
            Ok(len) if !self.bad => out(plain.get(..len).unwrap_or_default()),
            _ => self.bad = true,
        }
    }
}
