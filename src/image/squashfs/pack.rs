//! Compresses one block as Linux's squashfs expects it.

use std::io;
use std::io::Write;

use flate2::write::ZlibEncoder;
use xz2::stream::Check;
use xz2::stream::Filters;
use xz2::stream::LzmaOptions;
use xz2::stream::Stream;
use xz2::write::XzEncoder;

use super::BLOCK;
use crate::format::compress::Compression;

/// A compressor with its level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packer {
    compression: Compression,
    level: u32,
}

impl Packer {
    pub(super) fn new(compression: Compression, level: Option<u32>) -> Self {
        // The defaults of squashfs-tools but for xz, whose memory a block of 128 KiB does not need.
        let level = level.unwrap_or(match compression {
            Compression::None => 0,
            Compression::Gzip => 9,
            Compression::Xz => 6,
            Compression::Zstd => 15,
            Compression::Bzip2 | Compression::Lzma => 0,
        });
        Self { compression, level }
    }

    /// The compressor's number in the superblock.
    pub(super) const fn id(self) -> u16 {
        match self.compression {
            // Nothing is compressed, and this is the one that every kernel knows.
            Compression::None | Compression::Gzip => 1,
            Compression::Xz => 4,
            Compression::Zstd => 6,
            // No number, and `pack` refuses them.
            Compression::Bzip2 | Compression::Lzma => 0,
        }
    }

    /// Returns the block compressed, or `None` when that makes it no smaller.
    pub(super) fn pack(self, block: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let packed = match self.compression {
            Compression::None => return Ok(None),
            Compression::Gzip => {
                let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(self.level.min(9)));
                encoder.write_all(block)?;
                encoder.finish()?
            }
            Compression::Xz => {
                let mut options = LzmaOptions::new_preset(self.level)?;
                // Linux sets a window of one block aside, and it checks CRC32 only.
                options.dict_size(BLOCK as u32);
                let stream = Stream::new_stream_encoder(Filters::new().lzma2(&options), Check::Crc32)?;
                let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(block)?;
                encoder.finish()?
            }
            // A fresh context for each block: one that has seen other blocks finds other matches (its hash is salted
            // by what went before), and which blocks a thread has seen is chance.
            Compression::Zstd => zstd::bulk::compress(block, i32::try_from(self.level).unwrap_or(i32::MAX))?,
            Compression::Bzip2 | Compression::Lzma => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "no kernel reads a squashfs so compressed"));
            }
        };
        Ok((packed.len() < block.len()).then_some(packed))
    }
}
