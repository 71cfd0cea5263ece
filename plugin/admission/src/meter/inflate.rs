//! Compressed answers: gzip and deflate are read with a window of 32 KiB; what else there is, is not.
//!
//! Content passes through unchanged to the client; this is only for reading it. A body that is not what
//! it says, or whose checksum is wrong, is garbled: nothing behind that place is read.

use crc32fast::Hasher;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_COMPUTE_ADLER32, TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::gather::{Gather, cut};

/// What DEFLATE looks back.
const WINDOW: usize = 32 * 1024;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`: in a zlib wrapper, or bare as some servers send it.
    Deflate,
    /// Any other, or several at once.
    Unreadable,
}

impl Encoding {
    /// Reads `content-encoding`.
    pub(crate) fn of(value: &[u8]) -> Self {
        match value.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Self::Identity,
            b"gzip" | b"x-gzip" => Self::Gzip,
            b"deflate" => Self::Deflate,
            _ => Self::Unreadable,
        }
    }
}

/// A body that is inflated as it goes by.
pub(crate) struct Inflate {
    part: Part,
    /// Bytes of a header or trailer that are needed together.
    kept: Gather<HEADER>,
    flags: u8,
    /// Of the gzip header's extra field.
    skip: u16,
    core: DecompressorOxide,
    core_flags: u32,
    window: Box<[u8]>,
    at: usize,
    crc: Hasher,
    /// Modulo 2^32, as the trailer has it.
    produced: u32,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inflate").field("part", &self.part).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    GzipHeader,
    GzipExtraLen,
    GzipExtra,
    GzipName,
    GzipComment,
    GzipHeaderCrc,
    GzipBody,
    GzipTrailer,
    /// The first two bytes tell zlib from bare DEFLATE.
    DeflateStart,
    DeflateBody,
    /// Whole; more gzip members may follow.
    End,
    Garbled,
}

const HEADER: usize = 10;
const TRAILER: usize = 8;
const HAS_HEADER_CRC: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;
const RESERVED: u8 = 0xE0;

impl Inflate {
    /// A reader of gzip.
    pub(crate) fn gzip() -> Self {
        Self::new(Part::GzipHeader)
    }

    /// A reader of deflate.
    pub(crate) fn deflate() -> Self {
        Self::new(Part::DeflateStart)
    }

    fn new(part: Part) -> Self {
        Self {
            part,
            kept: Gather::default(),
            flags: 0,
            skip: 0,
            core: DecompressorOxide::new(),
            core_flags: TINFL_FLAG_HAS_MORE_INPUT,
            window: vec![0; WINDOW].into(),
            at: 0,
            crc: Hasher::new(),
            produced: 0,
        }
    }

    /// Whether the body came to its proper end.
    pub(crate) fn is_whole(&self) -> bool {
        self.part == Part::End
    }

    /// Whether it is not what it says.
    pub(crate) fn is_garbled(&self) -> bool {
        self.part == Part::Garbled
    }

    /// Takes a piece, and hands on what it becomes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) {
        let mut rest = bytes;
        while !rest.is_empty() && self.part != Part::Garbled {
            rest = match self.part {
                Part::GzipBody | Part::DeflateBody => self.body(rest, out),
                Part::GzipExtra => self.extra(rest),
                Part::GzipName | Part::GzipComment => self.zero_ended(rest),
                Part::End => self.next_member(rest),
                Part::GzipHeader => self.kept.fill(rest, HEADER),
                Part::GzipTrailer => self.kept.fill(rest, TRAILER),
                Part::GzipExtraLen | Part::GzipHeaderCrc | Part::DeflateStart => {
                    self.kept.fill(rest, 2)
                }
                Part::Garbled => return,
            };
            self.fixed_part(out);
        }
    }

    /// Goes on when a part of fixed length is there.
    fn fixed_part(&mut self, out: &mut impl FnMut(&[u8])) {
        let len = match self.part {
            Part::GzipHeader => HEADER,
            Part::GzipTrailer => TRAILER,
            Part::GzipExtraLen | Part::GzipHeaderCrc | Part::DeflateStart => 2,
            _ => 0,
        };
        let Some([a, b, c, flags, e, f, g, h, ..]) = self.kept.take(len) else { return };
        match self.part {
            Part::GzipHeader => {
                let known = [a, b, c] == [0x1F, 0x8B, 8] && flags & RESERVED == 0;
                self.flags = flags;
                self.enter(if known { Part::GzipExtraLen } else { Part::Garbled });
            }
            Part::GzipExtraLen => {
                self.skip = u16::from_le_bytes([a, b]);
                self.part = Part::GzipExtra;
            }
            Part::GzipHeaderCrc => self.enter(Part::GzipBody),
            Part::GzipTrailer => {
                let crc = std::mem::take(&mut self.crc).finalize();
                let right = crc == u32::from_le_bytes([a, b, c, flags])
                    && self.produced == u32::from_le_bytes([e, f, g, h]);
                self.enter(if right { Part::End } else { Part::Garbled });
            }
            Part::DeflateStart => {
                let zlib = a & 0x0F == 8 && u16::from_be_bytes([a, b]).checked_rem(31) == Some(0);
                if zlib {
                    self.core_flags |= TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_COMPUTE_ADLER32;
                }
                self.enter(Part::DeflateBody);
                self.body(&[a, b], out);
            }
            _ => {}
        }
        if self.part == Part::GzipExtra && self.skip == 0 {
            self.enter(Part::GzipName);
        }
    }

    /// Goes to this part, or to the first behind it that is there.
    fn enter(&mut self, part: Part) {
        self.kept.clear();
        let has = |flag| self.flags & flag != 0;
        self.part = match part {
            Part::GzipExtraLen if !has(HAS_EXTRA) => return self.enter(Part::GzipName),
            Part::GzipName if !has(HAS_NAME) => return self.enter(Part::GzipComment),
            Part::GzipComment if !has(HAS_COMMENT) => return self.enter(Part::GzipHeaderCrc),
            Part::GzipHeaderCrc if !has(HAS_HEADER_CRC) => return self.enter(Part::GzipBody),
            part => part,
        };
        if self.part == Part::GzipBody {
            self.core.init();
            self.produced = 0;
        }
    }

    fn extra<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = cut(bytes, usize::from(self.skip));
        self.skip = self.skip.saturating_sub(u16::try_from(now.len()).unwrap_or(u16::MAX));
        rest
    }

    fn zero_ended<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(at) = memchr::memchr(0, bytes) else { return &[] };
        let next =
            if self.part == Part::GzipName { Part::GzipComment } else { Part::GzipHeaderCrc };
        self.enter(next);
        bytes.get(at.saturating_add(1)..).unwrap_or_default()
    }

    /// More bytes after the end: another member. Zeros are padding.
    fn next_member<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match bytes.split_first() {
            Some((0x1F, _)) => {
                self.part = Part::GzipHeader;
                bytes
            }
            Some((0, rest)) => rest,
            _ => {
                self.part = Part::Garbled;
                bytes
            }
        }
    }

    fn body<'a>(&mut self, bytes: &'a [u8], out: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let mut rest = bytes;
        loop {
            let (status, taken, made) =
                decompress(&mut self.core, rest, &mut self.window, self.at, self.core_flags);
            rest = rest.get(taken..).unwrap_or_default();
            let end = self.at.saturating_add(made);
            let plain = self.window.get(self.at..end).unwrap_or_default();
            if self.part == Part::GzipBody {
                self.crc.update(plain);
                self.produced = self.produced.wrapping_add(u32::try_from(made).unwrap_or_default());
            }
            out(plain);
            self.at = if end >= WINDOW { 0 } else { end };
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => return rest,
                TINFLStatus::Done => {
                    let next =
                        if self.part == Part::GzipBody { Part::GzipTrailer } else { Part::End };
                    self.enter(next);
                    return rest;
                }
                _ => {
                    self.part = Part::Garbled;
                    return rest;
                }
            }
        }
    }
}
